/**
 * The leases of one store: of keys that are asked about all the time an instance takes units ahead.
 *
 * @module
 */

import type { CompiledRule } from "../../rules/rule.ts";
import { leaseMap } from "./lease_map.ts";
import { leasing } from "./leasing.ts";
import { type Clocks, clocksOf, readClocks } from "../wrappers/two_clocks.ts";
import type { Store, WrappedStore } from "../store.ts";

/** The leases of one store in this process, whichever throttles use it. */
export interface Leases {
  /** Puts them around the store as a throttle asks it. */
  over(store: WrappedStore, rules: readonly CompiledRule[]): WrappedStore;
  /** Gives everything back, and takes no more. Rejects when the store fails. */
  close(store: Store): Promise<void>;
}

/** The options of {@link leasesOf}. */
export interface LeasesOptions {
  /** Default: the store's clock, else the two of this process. */
  readonly clocks?: Clocks;
  /** About how many keys it knows at most. Default 10,000. */
  readonly maxKeys?: number;
}

/** The most corrections in one call. */
const BATCH = 100;

/**
 * Makes the leases of a store; see {@link leasing}.
 *
 * @param most Units at a time, at least 2.
 * @param options See {@link LeasesOptions}.
 */
export function leasesOf(most: number, options: LeasesOptions = {}): Leases {
  const { maxKeys = 10_000 } = options;
  const clocksFor = (store: Store): Clocks => options.clocks ?? clocksOf(store);
  const holding = { most, leases: leaseMap(maxKeys), isClosed: false };
  return {
    over: (store, rules) => leasing(store, rules, holding, clocksFor(store)),
    async close(store) {
      holding.isClosed = true;
      const held = holding.leases.clear(readClocks(clocksFor(store)));
      for (let i = 0; i < held.length; i += BATCH) await store.decide(held.slice(i, i + BATCH));
    },
  };
}
