/**
 * Clocks that were given.
 *
 * @module
 */

import { type Demand, requireResult } from "./options.ts";

const TIME: Demand = {
  must: "a finite number of ms",
  holds: (read) => typeof read === "number" && Number.isSafeInteger(Math.floor(read)),
  isNumber: true,
};

/**
 * A clock in whole ms, as states are whole numbers. Compared with NaN, a charge would be forgotten or never end.
 *
 * @param clock A clock that was given.
 * @param owner The store, or whatever else it was given to, for the sentence: "memoryStore()".
 * @returns The same clock; it throws a RangeError where it has no time to give.
 */
export function wholeClock(clock: () => number, owner: string): () => number {
  return () => wholeTime(clock(), owner);
}

/** One reading of it. */
export function wholeTime(read: number, owner: string): number {
  return Math.floor(requireResult(read, TIME, `the clock of ${owner}`));
}
