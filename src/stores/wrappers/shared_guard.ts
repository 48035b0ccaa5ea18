/**
 * The guard of a shared store: deny cache, then leases, then failover, then the store.
 *
 * @module
 */

import { denyCache } from "./deny_cache.ts";
import { failover } from "./failover.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import type { LeasingStore, Store } from "../store.ts";

/**
 * The guard of a store over a network, for {@link Store.guard}: beside the deadline and the rules' `onStoreFailure`, which
 * every store has,
 *
 * - a circuit breaker asks a store that fails no more but for one probe per second, so that no request waits for it; each
 *   part of the store (`partOf`) and each rule that fails by itself has its own;
 * - a charge whose answer comes after the deadline is given back, and corrections are kept until the store is back;
 * - the deny cache answers refusals whose end is known without asking the store, unless the store says `denyCache: false`.
 *
 * `redisStore` and `upstashStore` bring it. A bundle without these two, and without this, does not have it.
 *
 * @param store The store.
 * @param rules The throttle's rules.
 * @param onStoreFailure The policy of rules that name none.
 * @returns A store that never fails, but for `forget`.
 *
 * @example A store of one's own, behind the same guard as `redisStore`
 * ```ts
 * import { createThrottle, memoryStore, sharedGuard, type Store } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const database = memoryStore();
 * const store: Store = {
 *   shared: true,
 *   guard: sharedGuard,
 *   decide: async (checks, spend) => await database.decide(checks, spend),
 * };
 * const throttle = createThrottle("1/min", { store, client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * const sources: string[] = [];
 * for (let i = 0; i < 3; i++) sources.push((await throttle.check(request)).decisions[0].source);
 * equal(sources.join(), "store,store,deny-cache");
 * ```
 */
export function sharedGuard(
  store: Store,
  rules: readonly CompiledRule[],
  onStoreFailure: FailurePolicy,
): Store {
  const inner = failover(store, { rules, onStoreFailure });
  // Outside failover: what is held is answered during an outage too, and says nothing of how the store is.
  const leased = (store as Partial<LeasingStore>).leases?.(inner, rules) ?? inner;
  return store.denyCache ?? store.shared ? denyCache(leased, rules, { origin: store }) : leased;
}
