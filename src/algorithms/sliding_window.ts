/**
 * Sliding window: a sliding log whose entries have the end of their slot as their time.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { logTwin } from "./log_lua.ts";
import { type Log, logStep } from "./log.ts";
import { unlogged } from "./log_form.ts";
import { slotEnd } from "./slot.ts";
import { integer, requireOptions } from "../options.ts";

/** Keeps now * slots exact until the year 2255. */
const MAX_SLOTS = 1000;

const lua = `
function(state, limit, window, now, cost, since, p)
  return log_step(state, limit, window, now, cost, since, slot_end(now, window, p[1]))
end`;

/**
 * Sliding window: `slots` counters per window; a counter expires as a whole when its youngest ms is one
 * window old. Never more than the limit in any window, in constant memory; a unit returns at most window /
 * slots late.
 *
 * @param options `slots`: counters per window, 1 to 1000. More slots are more exact and use more memory.
 * Default 16.
 * @returns The algorithm.
 * @throws {TypeError} On an unknown option.
 * @throws {RangeError} If slots is not an integer from 1 to 1000.
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
  requireOptions(options, { slots: integer(1, MAX_SLOTS) }, "make slidingWindow()");
  const { slots = 16 } = options;
  return {
    name: "sliding-window",
    lua: logTwin(lua),
    params: [slots],
    refillsGradually: true,
    mayFreeEarly: false,
    // A charge counts from its slot's end, wherever in the slot it is used.
    usableUntil: (end) => end + 1,
    capacity: (limit) => limit,
    step: unlogged((out, log, from, to, policy, now, cost, since) =>
      logStep(out, log, from, to, policy, now, cost, since, slotEnd(now, policy.windowMs, slots))
    ),
  } satisfies Algorithm<Log>;
}
