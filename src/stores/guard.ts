/**
 * What a throttle puts around its store: deny cache, then leases, then failure ladder, then the store.
 *
 * @module
 */

import type { CompiledRule, FailurePolicy } from "../rule.ts";
import { denyCache } from "./deny_cache.ts";
import { resilient } from "./resilient.ts";
import type { DatedStore, LeasingStore, Store } from "./store.ts";
import { checkSafety, type UnsafeStore } from "./unsafe.ts";

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
): DatedStore {
  checkSafety(store, unsafeStore);
  const ladder = resilient(store, { rules, onStoreFailure });
  // Outside the ladder: what is held is answered during an outage too, and says nothing of how the store is.
  const leased = (store as Partial<LeasingStore>).leases?.(ladder, rules) ?? ladder;
  return store.denyCache ?? store.shared ? denyCache(leased, rules, { origin: store }) : leased;
}
