/**
 * The deadline and the failure policies around a store that brings no guard of its own.
 *
 * @module
 */

import type { ChargedDecision, StoreDecision } from "../../decision.ts";
import { type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import { answerOf } from "./answer.ts";
import { isElsewhere, type StandIn, standInFor } from "./fallback.ts";
import { inTime } from "./late_answer.ts";
import { report } from "./outage_report.ts";
import { wrapStore } from "./wrap_store.ts";
import type { Check, Store, StoreChange, WrappedStore } from "../store.ts";

/** How long a throttle waits for a store that says nothing else, in ms. */
export const DEADLINE_MS = 250;

/**
 * Puts the deadline and the rules' failure policies around a store. An answer that is late, an error and a malformed answer
 * are one and the same: the store failed, and each rule goes by its policy, see {@link standInFor}. Every request asks the
 * store again.
 *
 * @param store Any store.
 * @param rules The throttle's rules.
 * @param onStoreFailure The policy of rules that name none.
 * @returns A store that never fails, but for `forget`.
 */
export function withFailurePolicy(
  store: Store,
  rules: readonly CompiledRule[],
  onStoreFailure: FailurePolicy,
): WrappedStore {
  const { deadlineMs = DEADLINE_MS } = store;
  const standIn = standInFor(store, rules, onStoreFailure);
  const policies = new Set(rules.map((rule) => rule.onStoreFailure ?? onStoreFailure));
  const listeners: ((change: StoreChange) => void)[] = [];
  let isFailing = false;

  /** Reports a change; an error that comes while the store fails already is none. */
  function changed(change: StoreChange): void {
    if (isFailing === (change.state === "failing")) return;
    isFailing = !isFailing;
    report(change, store.name ?? "the store", policies);
    for (const listener of listeners) listener(change);
  }

  function decide(checks: readonly Check[], spend = true): MaybePromise<readonly ChargedDecision[]> {
    if (checks.length === 0 || checks.some(isElsewhere)) return standIn.decide(checks, spend, 0);
    return rescue(
      () => then(inTime(store.decide(checks, spend), deadlineMs), accept),
      (error) => {
        changed({ state: "failing", error });
        return standIn.decide(checks, spend, 0);
      },
    );
    function accept(answer: readonly StoreDecision[]): readonly ChargedDecision[] {
      const decisions = answerOf(checks, answer, standIn.clock);
      changed({ state: "healed" });
      if (spend) standIn.mirror(checks, decisions);
      return decisions;
    }
  }

  return wrapStore(store, {
    decide,
    forget: forgetBeside(store, standIn),
    observe(listener) {
      listeners.push(listener);
      store.observe?.(listener);
    },
  });
}

/** Forgets a key in the store and beside it: that is an operator's wish, and rejects when it cannot be done. */
export function forgetBeside(store: Store, standIn: StandIn): (key: string) => MaybePromise<void> {
  return (key) =>
    rescue(
      () => {
        standIn.forget(key);
        return inTime(store.forget?.(key), store.deadlineMs ?? DEADLINE_MS);
      },
      (cause) => {
        throw new Error("Cannot reset this key as the store failed: it may be forgotten or not", { cause });
      },
    );
}
