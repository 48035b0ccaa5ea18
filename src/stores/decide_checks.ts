/**
 * The decision of any store, written once in TypeScript. memoryStore() and the Redis script are written for speed
 * and compared with this.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import { formOf } from "../algorithms/state.ts";
import { usableStep } from "../algorithms/usable_step.ts";
import { cannot, messageOf } from "../cannot.ts";
import { refuserOf, type StoreDecision } from "../decision.ts";
import { inOrder, type MaybePromise, then } from "../maybe.ts";
import { RuleError } from "./rule_error.ts";
import { type Check, decisionOf } from "./store.ts";

/** How {@link decideChecks} gets at the states. */
export interface StateAccess {
  /**
   * Reads what was saved under `check.key`.
   *
   * @returns That value, or null where there is none. A value past its life is as good as null, never needed.
   */
  load(check: Check): MaybePromise<unknown>;
  /**
   * Writes a value under `check.key`, and replaces any other.
   *
   * @param state An array whose first member is the name of the algorithm's form. It survives JSON where the states of the
   * rule's algorithm do, as those of all built-in ones do. Null: forget the key.
   * @param ttlMs The least time that the value must be kept, in ms from `now`; 0 for null.
   */
  save(check: Check, state: unknown, ttlMs: number): MaybePromise<unknown>;
}

/** A step; one that throws, or returns nonsense, fails its own rule, and no other. */
function stepOf(check: Check, state: unknown, now: number, cost: number, since: number | null): Step {
  try {
    return usableStep(check.algorithm.step(state, check.policy, now, cost, since), check.policy);
  } catch (cause) {
    throw new RuleError(check.policy.name, messageOf(cause), { cause });
  }
}

const allows = ({ allowed }: Step): boolean => allowed;

/** The state in a saved value; null where another algorithm, or somebody else, wrote it. */
function stateIn(value: unknown, { algorithm }: Check): unknown {
  // Taken for no state, it would let everything pass.
  if (typeof value === "string") {
    throw new TypeError(
      cannot("use a loaded state", "it must be the value that was saved, not its text", value),
    );
  }
  return Array.isArray(value) && value.length === 2 && value[0] === formOf(algorithm) ? value[1] : null;
}

/**
 * Decides checks as {@link Store.decide} must: steps each check from its state, keeps all new states or none, keeps the state
 * of a refusing check in shadow mode too, and shows what is left of an allowed check that is not charged. A state of another
 * algorithm counts as none. Call it inside a transaction: `load` and `save` must see and change one consistent set of states.
 *
 * It loads all states, in order, before it steps the first check, and saves those that changed, in order, after the last. It
 * reads no clock, and returns no promise where `load` and `save` return none.
 *
 * @param checks The checks, keys distinct.
 * @param spend False to peek: nothing is saved.
 * @param now The time by the store's clock, epoch ms, an integer. Read it inside the transaction.
 * @param states How to read and write states.
 * @returns One decision per check, in order.
 * @throws Whatever `load` or `save` throws; a promise rejects with it. Roll back then: some states may be saved.
 * @throws {RuleError} When the algorithm of one rule throws, before anything is saved. A throttle then lets that rule's
 * `onStoreFailure` decide, and asks about the other rules once more.
 *
 * @example A store over a Map
 * ```ts
 * import { createThrottle, decideChecks, type Store } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const kept = new Map<string, unknown>();
 * const store: Store = {
 *   shared: false,
 *   decide: (checks, spend = true) =>
 *     decideChecks(checks, spend, Date.now(), {
 *       load: ({ key }) => kept.get(key) ?? null,
 *       save: ({ key }, state) => kept.set(key, state),
 *     }),
 * };
 * const throttle = createThrottle("1/hour", { store, client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * ```
 */
export function decideChecks(
  checks: readonly Check[],
  spend: boolean,
  now: number,
  { load, save }: StateAccess,
): MaybePromise<Required<StoreDecision>[]> {
  const found: unknown[] = [];
  const read = (i: number): MaybePromise<unknown> =>
    then(load(checks[i]), (value) => found[i] = stateIn(value, checks[i]));
  return then(inOrder(checks.length, read), () => {
    const steps = checks.map((check, i) => stepOf(check, found[i], now, check.cost, check.since));
    const refuser = steps.every(allows) ? undefined : refuserOf(
      steps.map(({ allowed }, i) => ({ allowed, rule: checks[i].policy.name, mode: checks[i].policy.mode })),
    );
    const isKept = steps.map(({ allowed }, i) =>
      spend && (refuser === undefined || !allowed || refuser === checks[i].policy.trialOf)
    );
    const decisions = checks.map((check, i) => {
      const { allowed, retryAfterMs, blockedMs, at: chargedAt = now } = steps[i];
      const { remaining, resetAfterMs } = allowed && !isKept[i]
        ? stepOf(check, found[i], now, 0, null)
        : steps[i];
      return decisionOf(check, { allowed, remaining, resetAfterMs, retryAfterMs, blockedMs, chargedAt }, now);
    });
    const write = (i: number): MaybePromise<unknown> => {
      const { state, ttlMs } = steps[i];
      if (!isKept[i] || state === found[i]) return;
      const isOver = state === null || ttlMs <= 0;
      return isOver ? save(checks[i], null, 0) : save(checks[i], [formOf(checks[i].algorithm), state], ttlMs);
    };
    return then(inOrder(checks.length, write), () => decisions);
  });
}
