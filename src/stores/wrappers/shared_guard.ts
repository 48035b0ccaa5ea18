/**
 * The guard of a store: deny cache, then leases, then failover, then the store.
 *
 * @module
 */

import { denyCache } from "./deny_cache.ts";
import { failover } from "./failover.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import type { LeasingStore, Store, WrappedStore } from "../store.ts";

/**
 * Puts a guard around a store that may fail or keep a request waiting:
 *
 * - the deadline and the rules' `onStoreFailure`;
 * - a circuit breaker, which asks a store that fails no more but for one probe per second, so that no request waits
 *   for it; each part of the store (`partOf`) and each rule that fails by itself has its own;
 * - a charge whose answer comes after the deadline is given back, and corrections are kept until the store is back;
 * - the deny cache, which answers refusals whose end is known without asking the store, unless `denyCache` is false.
 *
 * @param store The store.
 * @param rules The throttle's rules.
 * @param onStoreFailure The policy of rules that name none.
 * @returns A store that never fails, but for `forget`.
 */
export function sharedGuard(
  store: Store,
  rules: readonly CompiledRule[],
  onStoreFailure: FailurePolicy,
): WrappedStore {
  const inner = failover(store, { rules, onStoreFailure });
  // Outside failover: units taken ahead answer during an outage too, and do not show the state of the store.
  const leased = (store as Partial<LeasingStore>).leases?.(inner, rules) ?? inner;
  return store.denyCache ?? store.shared ? denyCache(leased, rules, { origin: store }) : leased;
}
