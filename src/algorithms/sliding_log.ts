/**
 * Sliding log: every charge is remembered until it is one window old.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { type Log, logStep, unlogged } from "./log.ts";

/** Above this the memory of a log stops being reasonable. */
const MOST = 10_000;

/**
 * Sliding log: never more than the limit in any window, and every unit comes back exactly one window after
 * it was used. Its memory grows with the limit, so limits above 10,000 are refused when the rule is built;
 * {@link slidingWindow} gives the same bound in constant memory.
 *
 * @returns The algorithm.
 *
 * @example Three one-time codes in any ten minutes
 * ```ts
 * import { createThrottle, slidingLog } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "3/10min", algorithm: slidingLog(), on: "POST /otp" });
 * equal(throttle.rules[0].limit, 3);
 * ```
 */
export function slidingLog(): Algorithm {
  return {
    name: "sliding-log",
    lua: `function(state, limit, window, now, cost, since, p)
  return log_step(state, limit, window, now, cost, since, now)
end`,
    refillsGradually: true,
    mayFreeEarly: false,
    capacity: (limit) => limit,
    unsupported: (limit) =>
      limit <= MOST
        ? null
        : `slidingLog() remembers every request, so limit must be at most ${MOST} (slidingWindow() has the same bound in constant memory): current value is ${limit}`,
    step: unlogged((out, log, from, to, policy, now, cost, since) =>
      logStep(out, log, from, to, policy, now, cost, since, now)
    ),
  } satisfies Algorithm<Log>;
}
