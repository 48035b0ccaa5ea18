/**
 * Sliding window: a sliding log whose charges are entered under the end of their slot.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { ceilDiv, floorDiv } from "./integer.ts";
import { type Log, logStep } from "./log.ts";

/** Keeps now x slots exact until the year 2255. */
const MOST = 1000;

/** The last ms of the slot that holds `now`. A slot is never shorter than a ms. */
function slotEnd(now: number, windowMs: number, slots: number): number {
  const n = Math.min(slots, windowMs);
  return ceilDiv((floorDiv(now * n, windowMs) + 1) * windowMs, n) - 1;
}

const lua = `
function(state, limit, window, now, cost, since, p)
  local n = math.min(p[1], window)
  local stamp = ceil_div((floor_div(now * n, window) + 1) * window, n) - 1
  return log_step(state, limit, window, now, cost, since, stamp)
end`;

/**
 * Sliding window: `slots` counters a window; a counter leaves as a whole once its youngest ms is one window
 * old. Never more than the limit in any window, in constant memory; a unit comes back at most
 * window / slots late.
 *
 * @param options `slots`: counters a window, 1 to 1000. More are more exact and take more memory. Default 16.
 * @returns The algorithm.
 * @throws {RangeError} When slots is not an integer from 1 to 1000.
 *
 * @example A hundred thousand in any hour
 * ```ts
 * import { createThrottle, slidingWindow } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "100000/hour", algorithm: slidingWindow({ slots: 60 }) });
 * equal(throttle.rules[0].algorithm, "sliding-window");
 * ```
 */
export function slidingWindow(options: { slots?: number } = {}): Algorithm {
  const { slots = 16 } = options;
  if (!(Number.isSafeInteger(slots) && slots >= 1 && slots <= MOST)) {
    throw new RangeError(
      `Cannot make slidingWindow() as slots must be an integer from 1 to ${MOST}: current value is ${slots}`,
    );
  }
  return {
    name: "sliding-window",
    lua,
    params: [slots],
    gradual: true,
    revocable: false,
    // A charge counts from its slot's end on, so it makes no difference when in the slot it is used.
    holdsUntil: (end) => end + 1,
    capacity: (limit) => limit,
    step: (state, policy, now, cost, since) =>
      logStep(state, policy, now, cost, since, slotEnd(now, policy.windowMs, slots)),
  } satisfies Algorithm<Log>;
}
