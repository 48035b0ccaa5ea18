/**
 * What a throttle puts around its store: deny cache, then leases, then failure ladder, then the store.
 *
 * @module
 */

import type { CompiledRule, FailurePolicy } from "../rule.ts";
import { around } from "./around.ts";
import { denyCache } from "./deny_cache.ts";
import { isMemoryStore } from "./memory.ts";
import { resilient } from "./resilient.ts";
import type { Check, DatedStore, LeasingStore, Store } from "./store.ts";
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
  if (isMemoryStore(store)) return store;
  const ladder = resilient(store, { rules, onStoreFailure });
  // Outside the ladder: what is held is answered during an outage too, and says nothing of how the store is.
  const leased = (store as Partial<LeasingStore>).leases?.(ladder, rules) ?? ladder;
  return withPlainChecks(
    store.denyCache ?? store.shared ? denyCache(leased, rules, { origin: store }) : leased,
  );
}

/** A throttle's checks have getters. Whoever copies a check to change it (`{ ...check, key }`) would lose what they give. */
function withPlainChecks(store: DatedStore): DatedStore {
  const plain = ({ key, policy, algorithm, cost, since, source }: Check): Check => ({
    ...{ key, policy, algorithm, cost, since },
    ...(source === undefined ? {} : { source }),
  });
  return around(store, { decide: (checks, spend) => store.decide(checks.map(plain), spend) });
}
