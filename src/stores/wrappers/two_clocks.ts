/**
 * Times of this process by two clocks.
 *
 * @module
 */

import type { Store } from "../store.ts";

/** One reading of two clocks: the wall clock, which steps, and a steady one, which may stand still while the process does. */
export interface Reading {
  /** Epoch ms. */
  readonly wall: number;
  /** Ms since whenever. */
  readonly steady: number;
}

/** The two clocks, in ms. */
export interface Clocks {
  /** Steps. */
  readonly wall: () => number;
  /** Stands still while the process does. */
  readonly steady: () => number;
}

/** The clocks that date a store's answers: its own, where this process can read it. */
export function clocksOf(store: Pick<Store, "clock">): Clocks {
  const { clock } = store;
  return clock === undefined
    ? { wall: Date.now, steady: () => performance.now() }
    : { wall: clock, steady: clock };
}

/** Reads both. */
export function readClocks({ wall, steady }: Clocks): Reading {
  return { wall: wall(), steady: steady() };
}

/**
 * How long ago something was, in ms, by the clock that went further: steps of the clock and a process that is suspended
 * make it too long, never too short.
 */
export function passedMs(since: Reading, now: Reading): number {
  return Math.max(now.wall - since.wall, now.steady - since.steady);
}
