/**
 * Costs above the burst: they never pass, and a look at the state shows the units left all the same.
 *
 * @module
 */

import type { Policy } from "../algorithms/algorithm.ts";
import { hasNumbers } from "../decision.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { isOpen, RuleCheck } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";

/** Can this cost never pass? A cost above the burst cannot, and under a limit of 0 no cost can. */
export function neverPasses(
  { implementation: { capacity } }: PreparedRule,
  { limit }: Policy,
  cost: number,
): boolean {
  return limit === 0 || (capacity !== undefined && cost > capacity(limit));
}

/**
 * Must the store be asked for the units left, although the rule has refused by itself? A limit of 0 leaves nothing, and a request
 * without a key, which costs nothing, has no quota.
 */
export function needsLook({ source, policy, cost }: RuleCheck): boolean {
  return source === "rule" && policy.limit > 0 && cost > 0;
}

/** The check that asks for the units left. Its cost is 0, so it charges nothing, and no block counts it. */
function lookAt({ rule, partition, policy }: RuleCheck): RuleCheck {
  return new RuleCheck(rule, partition, policy, 0);
}

/** Writes the results of the looks into the checks that they are for. */
function show(_: void, looks: ReadonlyMap<RuleCheck, RuleCheck>): void {
  for (const [check, { source, remaining, resetAfterMs, blockedMs, at, chargedAt }] of looks) {
    // The deny cache leaves the checks beside a known refusal without a verdict, and so without numbers.
    if (source === null) check.source = null;
    else {
      Object.assign(check, { remaining, resetAfterMs, blockedMs, at, chargedAt });
      if (!hasNumbers({ source })) check.source = "denied-by-policy";
    }
  }
}

/**
 * Asks the store, in one call, to decide the open checks and to show the units left of those that need a look.
 *
 * @param store The store.
 * @param checks A request's checks.
 * @param spend False where nothing is to be charged, as where a rule refuses already.
 */
export function askStoreAbout(
  store: AnsweringStore,
  checks: readonly RuleCheck[],
  spend: boolean,
): MaybePromise<void> {
  const looks = new Map(checks.filter(needsLook).map((check) => [check, lookAt(check)]));
  const questions = checks.flatMap((check) => isOpen(check) ? check : looks.get(check) ?? []);
  return questions.length === 0 ? undefined : then(store.answer(questions, spend), show, looks);
}
