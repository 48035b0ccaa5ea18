/**
 * When a refused request passes, and under which limit it would pass now.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { ExplainTools } from "./tools.ts";
import { grouped, moment } from "./words.ts";

/** No limit above this one is tried: algorithms are exact up to 2^53. */
const MAX_LIMIT = 2 ** 52;

/** Does the rule refuse the request as it has no key? */
export function isKeyless({ source, cost, partition }: RuleCheck): boolean {
  return source === "rule" && cost === 0 && partition === "";
}

/** Do the numbers of a decision describe the rule's quota? */
export function isCounted({ source }: Decision): boolean {
  return source !== "allowed-by-policy" && source !== "denied-by-policy";
}

/** Would a cost pass under this limit, on the state that the store holds? Null when the store does not answer. */
type TryLimit = (limit: number) => Promise<boolean | null>;

/** Tries limits on the state of a check. A look charges nothing. */
function limitTrial({ rule, partition, policy, cost }: RuleCheck, tools: ExplainTools): TryLimit {
  const { unsupported } = rule.implementation;
  return async (limit) => {
    if (unsupported?.(limit, policy.windowMs)) return null;
    const check = tools.newCheck(rule, partition, { ...policy, limit }, cost, tools.clock);
    if (check.source === "rule") return false;
    await tools.askStoreAbout(tools.store, [check], false);
    return isCounted(check.decision) ? check.allowed : null;
  };
}

/** The smallest limit from `low` + 1 to `high` that passes, where `high` passes; null when the store does not answer. */
async function between(low: number, high: number, passes: TryLimit): Promise<number | null> {
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    const isEnough = await passes(middle);
    if (isEnough === null) return null;
    if (isEnough) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The smallest limit under which a refused request would pass now. Mostly that is the units in use and the cost, so that two
 * looks find it; any algorithm is searched by doubling and halving.
 *
 * @returns The limit; null if none helps, as under a block or a burst of its own, or if the request passes by now.
 */
export async function neededLimit(check: RuleCheck, tools: ExplainTools): Promise<number | null> {
  const { policy, cost, blockedMs, remaining, decision } = check;
  if (!isCounted(decision) || blockedMs > 0 || cost === 0) return null;
  const { capacity } = check.rule.implementation;
  if (capacity !== undefined && capacity(MAX_LIMIT) < cost) return null;
  const passes = limitTrial(check, tools);
  const isPassing = await passes(policy.limit);
  if (isPassing !== false) return null;
  let low = policy.limit;
  let high = low + Math.max(1, cost - remaining);
  for (let step = 1; high <= MAX_LIMIT; step *= 2) {
    const isEnough = await passes(high);
    if (isEnough === null) return null;
    if (isEnough) {
      // The usual case: one less is refused.
      if (high - 1 > low && await passes(high - 1) === false) return high;
      return await between(low, high, passes);
    }
    low = high;
    high += step;
  }
  return null;
}

/** The time at which a refused request passes, epoch ms; null if it passes now, never, or nobody knows. */
export function passesAt(decision: Decision): number | null {
  const { allowed, retryAfterMs, at } = decision;
  return allowed || retryAfterMs === Infinity || !isCounted(decision) ? null : at + retryAfterMs;
}

/** The reason why waiting does not help. */
function never(check: RuleCheck): string {
  const { rule, policy: { limit }, cost } = check;
  if (isKeyless(check)) return "the rule refuses requests without a key";
  if (limit === 0) return "the limit is 0";
  const burst = rule.implementation.capacity?.(limit) ?? limit;
  return `the cost of ${grouped(cost)} is above the ${burst === limit ? "limit" : "burst"} of ${
    grouped(burst)
  }`;
}

/** When a refused request passes, in words. */
function when(check: RuleCheck, clientLeft: boolean | undefined): string {
  const { decision, blockedMs, rule } = check;
  if (!isCounted(decision)) return "passes when it can be counted again";
  const at = passesAt(decision);
  if (at === null) return `never: ${clientLeft ? "the client has left" : never(check)}`;
  const isLatest = blockedMs === 0 && rule.implementation.mayFreeEarly !== false;
  const until = decision.at + blockedMs;
  const block = blockedMs === 0
    ? ""
    : `, as its key is blocked until ${until === at ? "then" : moment(until)}`;
  return `passes at ${moment(at)}${isLatest ? " at the latest" : ""}${block}`;
}

/** The text of {@link ExplainedRule.passes}, of a check that has a verdict. */
export function passesText(check: RuleCheck, limit: number | null, clientLeft: boolean | undefined): string {
  if (check.allowed) return "passes now";
  const change = limit === null ? "" : `; passes with a limit of at least ${grouped(limit)}`;
  return `${when(check, clientLeft)}${change}`;
}
