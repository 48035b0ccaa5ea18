/**
 * Concurrency: how many requests of a key may be in flight at once.
 *
 * @module
 */

import { type Duration, durationMs } from "../duration.ts";
import type { Algorithm } from "./algorithm.ts";
import { type Log, logStep, unlogged } from "./log.ts";
import { slotEnd } from "./slot.ts";
import { ANYTHING, requireOptions } from "../options.ts";

/** Nobody can know when a slot frees: what a refused client is told to wait. */
const RETRY_MS = 1000;

/** Up to this limit a log has an entry for each ms; above it, for each such part of the lease, so that it is no longer. */
const MOST_ENTRIES = 64;

// Made when an algorithm is: a template at the top of a module is no constant to a user's bundler, and would stay.
const lua = (): string => `
function(state, limit, window, now, cost, since, p)
  local stamp = now
  if limit > ${MOST_ENTRIES} then stamp = slot_end(now, window, ${MOST_ENTRIES}) end
  local allowed, remaining, reset, retry, kept, ttl, at = log_step(state, limit, window, now, cost, since, stamp)
  if retry > 0 and retry < math.huge then retry = ${RETRY_MS} end
  return allowed, remaining, reset, retry, kept, ttl, at
end`;

/**
 * Concurrency: at most `limit` requests in flight. A slot is an entry of a log whose window is the lease; it
 * is given back when the response's body ends, errors or is cancelled, or leaves when its lease runs out
 * (the process that held it is gone). The rule's rate is `{ limit }` alone, and any limit costs the same: above
 * 64, slots are remembered by the 64th of a lease in which they were taken, so one that nobody gave back leaves up
 * to a 64th of the lease late.
 *
 * A body that nobody reads does not end, and runtimes may never cancel it: ten such answers hold ten slots until their leases
 * run out, so keep the lease short. A WebSocket's upgrade has no body: its slot comes free at the 101, and the open connection
 * holds none.
 *
 * @param options `lease`: the longest a request may hold its slot, in seconds or as a duration ("30s").
 * Longer than the longest answer, or that answer's slot is given away early.
 * @returns The algorithm.
 * @throws {TypeError} On an option that does not exist, or when lease is no duration.
 * @throws {RangeError} When lease is not a whole number of ms, at least 1.
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
  requireOptions(options, { lease: ANYTHING }, "make concurrency()");
  const leaseMs = durationMs(options.lease, "concurrency()", "lease");
  return {
    name: "concurrency",
    lua: lua(),
    unit: "concurrent-requests",
    window: leaseMs,
    heldWhileRunning: true,
    mayFreeEarly: true,
    countsDenials: false,
    capacity: (limit) => limit,
    step: unlogged((out, log, from, to, policy, now, cost, since) => {
      const { limit, windowMs } = policy;
      const stamp = limit > MOST_ENTRIES ? slotEnd(now, windowMs, MOST_ENTRIES) : now;
      logStep(out, log, from, to, policy, now, cost, since, stamp);
      if (out.retryAfterMs > 0 && out.retryAfterMs < Infinity) out.retryAfterMs = RETRY_MS;
    }),
  } satisfies Algorithm<Log>;
}
