/**
 * For tests of your own: a clock that stands still, a store that fails on demand, and the behaviours that
 * every store must show. Entry `./testing`.
 *
 * @module
 */

export { type ManualClock, manualClock } from "./manual_clock.ts";
export { type Fault, type FaultyStore, faultyStore } from "./faulty_store.ts";
export { type StoreBehaviour, storeBehaviours } from "./store_behaviours.ts";
export type { StoreUnderTest } from "./store_tools.ts";
