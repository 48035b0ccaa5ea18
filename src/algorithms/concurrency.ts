/**
 * Concurrency: how many requests of a key may be in flight at once.
 *
 * @module
 */

import { type Duration, durationMs } from "../rate.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Log, logStep } from "./log.ts";

/** Nobody can know when a slot frees: what a refused client is told to wait. */
const RETRY_MS = 1000;

const lua = `
function(state, limit, window, now, cost, since, p)
  local allowed, remaining, reset, retry, kept, ttl, at = log_step(state, limit, window, now, cost, since, now)
  if retry > 0 and retry < math.huge then retry = ${RETRY_MS} end
  return allowed, remaining, reset, retry, kept, ttl, at
end`;

/**
 * Concurrency: at most `limit` requests in flight. A slot is an entry of a log whose window is the lease; it
 * is given back when the response's body ends, errors or is cancelled, or leaves when its lease runs out
 * (the process that held it is gone). The rule's rate is `{ limit }` alone.
 *
 * @param options `lease`: the longest a request may hold its slot, in seconds or as a duration ("30s").
 * Longer than the longest answer, or that answer's slot is given away early.
 * @returns The algorithm.
 * @throws {TypeError | RangeError} When lease is not a duration of at least 1 ms.
 *
 * @example Two exports at a time
 * ```ts
 * import { concurrency, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({
 *   rate: { limit: 2 },
 *   algorithm: concurrency({ lease: "2min" }),
 *   on: "GET /export",
 * });
 * equal(throttle.rules[0].limit, 2);
 * ```
 */
export function concurrency(options: { lease: Duration }): Algorithm {
  const leaseMs = durationMs(options.lease, "concurrency()", "lease");
  return {
    name: "concurrency",
    lua,
    unit: "concurrent-requests",
    window: leaseMs,
    heldWhileRunning: true,
    revocable: true,
    remembersRefusals: false,
    capacity: (limit) => limit,
    step(state, policy, now, cost, since) {
      const step = logStep(state, policy, now, cost, since, now);
      const { retryAfterMs } = step;
      return retryAfterMs > 0 && retryAfterMs < Infinity ? { ...step, retryAfterMs: RETRY_MS } : step;
    },
  } satisfies Algorithm<Log>;
}
