/**
 * Sliding log: every charge is stored until it is one window old.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { logTwin } from "./log_lua.ts";
import { type Log, logStep } from "./log.ts";
import { unlogged } from "./log_form.ts";

/** Above this limit the memory of a log is unreasonable. */
const MAX_LIMIT = 10_000;

/**
 * Sliding log: never more than the limit in any window, and every unit returns exactly one window after its
 * use. Its memory grows with the limit, so a rule with a limit above 10,000 is an error; {@link
 * slidingWindow} has the same bound in constant memory.
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
    lua: logTwin(`function(state, limit, window, now, cost, since, p)
  return log_step(state, limit, window, now, cost, since, now)
end`),
    refillsGradually: true,
    mayFreeEarly: false,
    capacity: (limit) => limit,
    unsupported: (limit) =>
      limit <= MAX_LIMIT
        ? null
        : `slidingLog() remembers every request, so limit must be at most ${MAX_LIMIT} (slidingWindow() has the same bound in constant memory): current value is ${limit}`,
    step: unlogged((out, log, from, to, policy, now, cost, since) =>
      logStep(out, log, from, to, policy, now, cost, since, now)
    ),
  } satisfies Algorithm<Log>;
}
