/**
 * The store as a throttle asks it, behind its guard.
 *
 * @module
 */

import { type ChargedDecision, writeVerdict } from "../../decision.ts";
import { then } from "../../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import { isMemoryStore } from "../memory/memory_store.ts";
import { sharedGuard } from "./shared_guard.ts";
import type { AnsweringStore, Check, OpenCheck, Store, StoreChange, WrappedStore } from "../store.ts";
import { warnOnce } from "../../warn_once.ts";
import { checkSafety, type UnsafeStore } from "./per_process.ts";

/** One for all throttles: a store would keep one per throttle for as long as it lives, and a throttle may be for one request. */
function warnOfFullStore({ error }: StoreChange): void {
  if (error instanceof Error) warnOnce(error.message);
}

/**
 * The store as a throttle asks it.
 *
 * @param options The throttle's options.
 * @param rules The throttle's rules.
 * @throws {TypeError} When the store is unsafe here and `unsafeStore` is "error".
 */
export function guard(
  { store, onStoreFailure, unsafeStore }: {
    readonly store: Store;
    readonly onStoreFailure: FailurePolicy;
    readonly unsafeStore: UnsafeStore;
  },
  rules: readonly CompiledRule[],
): AnsweringStore {
  checkSafety(store, unsafeStore);
  if (isMemoryStore(store)) {
    store.observe?.(warnOfFullStore);
    return store;
  }
  return answering(sharedGuard(store, rules, onStoreFailure));
}

/** A store that decides checks, for a throttle's questions. */
function answering(store: WrappedStore): AnsweringStore {
  const decide = (checks: readonly (Check | OpenCheck)[], spend?: boolean) =>
    store.decide(checks.map(plain), spend);
  return {
    ...store,
    decide,
    answer: (questions, spend) => then(decide(questions, spend), note, questions),
  };
}

/** A check as any store gets it: a copy of it under another key (`{ ...check, key }`) would lose the values of getters. */
function plain({ key, policy, algorithm, cost, since, chargedBy }: Check | OpenCheck): Check {
  return { ...{ key, policy, algorithm, cost, since }, ...(chargedBy ? { chargedBy } : {}) };
}

/** Writes decisions into the questions that they answer: the deny cache answers with the refusing rules alone. */
function note(decisions: readonly ChargedDecision[], questions: readonly OpenCheck[]): void {
  let next = 0;
  for (const question of questions) {
    const decision = decisions[next];
    if (decision?.rule !== question.policy.name) continue;
    writeVerdict(question, decision, decision.source, decision.at, decision.chargedAt);
    next++;
  }
}
