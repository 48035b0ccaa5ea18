/**
 * A clock for tests.
 *
 * @module
 */

import { cannot } from "../cannot.ts";

/** A number of ms; text would be joined to the time, and NaN would end it. */
function finite(ms: number): number {
  if (Number.isFinite(ms)) return ms;
  throw new RangeError(cannot("set a manual clock", "ms must be a finite number", ms));
}

/** A clock that goes only by its own methods: the `clock` of `memoryStore({ clock })`. */
export interface ManualClock {
  /** The time, epoch ms. */
  (): number;
  /** Goes on by some ms; back where they are negative. */
  advance(ms: number): void;
  /** Goes to a time, epoch ms. */
  set(time: number): void;
}

/**
 * Makes a clock that stands still until `advance` or `set`.
 *
 * @param start Its first time, epoch ms. Default: the first ms of 2026, UTC.
 * @returns The clock.
 * @throws {RangeError} On a time that is no finite number, here and in its methods.
 *
 * @example A minute without waiting for it
 * ```ts
 * import { createThrottle, memoryStore } from "@weir/throttle";
 * import { manualClock } from "@weir/throttle/testing";
 * import { equal } from "node:assert/strict";
 *
 * const clock = manualClock();
 * const throttle = createThrottle("1/min", {
 *   store: memoryStore({ clock }),
 *   client: { address: () => "192.0.2.1" },
 * });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * clock.advance(60_000);
 * equal((await throttle.check(request)).allowed, true);
 * ```
 */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let now = finite(start);
  return Object.assign(() => now, {
    advance(ms: number): void {
      now += finite(ms);
    },
    set(time: number): void {
      now = finite(time);
    },
  });
}
