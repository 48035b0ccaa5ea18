/**
 * For tests of your own: a clock that stands still, a store that fails when told to, and the behaviours that
 * every store must show. Entry `./testing`.
 *
 * @module
 */

export { type ManualClock, manualClock } from "./testing/manual_clock.ts";
export { type Fault, type FaultyStore, faultyStore } from "./testing/faulty_store.ts";
export { type StoreBehaviour, storeBehaviours } from "./testing/store_behaviours.ts";
export type { StoreUnderTest } from "./testing/store_trial.ts";
