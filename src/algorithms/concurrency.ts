/**
 * Concurrency: the number of a key's requests in flight.
 *
 * @module
 */

import { logTwin } from "./log_lua.ts";
import { type Duration, durationMs } from "../duration.ts";
import type { Algorithm } from "./algorithm.ts";
import { changedLength, type Log, logStep, type StepLog, writeChanged } from "./log.ts";
import { unlogged } from "./log_form.ts";
import { slotEnd } from "./slot.ts";
import { ANYTHING, requireOptions } from "../options.ts";

/** The wait of a refused client, as nobody can know when a slot frees. */
const RETRY_MS = 1000;

/**
 * Up to this limit a log has one entry per ms; above it, one entry per such fraction of the lease, which
 * bounds its length.
 */
const MAX_ENTRIES = 64;

// A function, since a bundler would keep a template at the top of a module even if nothing uses it.
const lua = (): string => `
function(state, limit, window, now, cost, since, p)
  local stamp = now
  if limit > ${MAX_ENTRIES} then stamp = slot_end(now, window, ${MAX_ENTRIES}) end
  local allowed, remaining, reset, retry, kept, ttl, at = log_step(state, limit, window, now, cost, since, stamp, p[1])
  if retry > 0 and retry < math.huge then retry = ${RETRY_MS} end
  return allowed, remaining, reset, retry, kept, ttl, at
end`;

const stepSlots: StepLog = (out, log, from, to, policy, now, cost, since) => {
  const { limit, windowMs } = policy;
  const stamp = limit > MAX_ENTRIES ? slotEnd(now, windowMs, MAX_ENTRIES) : now;
  logStep(out, log, from, to, policy, now, cost, since, stamp);
  if (out.retryAfterMs > 0 && out.retryAfterMs < Infinity) out.retryAfterMs = RETRY_MS;
};

/** The step that moves a charge to another time: two corrections in one. */
function moveSlot(target: number): StepLog {
  return (out, log, from, to, policy, now, cost, since) => {
    if (since === null) return stepSlots(out, log, from, to, policy, now, cost, since);
    stepSlots(out, log, from, to, policy, now, -cost, since);
    const { changed } = out;
    const without = new Float64Array(changedLength(out));
    writeChanged(out, without, 0);
    stepSlots(out, without, 0, without.length, policy, now, cost, target);
    out.changed ||= changed;
  };
}

/**
 * Concurrency: at most `limit` requests in flight. A slot is freed when the response's body ends, errors or
 * is cancelled, or when its lease expires (after its process died). The rule's rate is `{ limit }` alone. Any
 * limit costs the same: above 64, slots are stored per 64th of a lease, so a slot that is never freed expires
 * up to a 64th of the lease late.
 *
 * A body that nobody reads does not end, and runtimes may never cancel it: ten such responses hold ten slots
 * until their leases expire, so keep the lease short. A WebSocket upgrade has no body: its slot is freed at
 * the 101, unless the handler holds it for as long as the connection is open, by `throttleOf(request).hold()`.
 *
 * @param options `lease`: the longest time that a request holds its slot, in seconds or as a duration
 * ("30s"). Set it longer than your longest response, or that response's slot is freed early; a slot that the handler
 * holds is renewed.
 * @returns The algorithm.
 * @throws {TypeError} On an unknown option, or if lease is not a duration.
 * @throws {RangeError} If lease is not an integer number of ms, at least 1.
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
  const algorithm: Algorithm<Log> = {
    name: "concurrency",
    lua: logTwin(lua()),
    unit: "concurrent-requests",
    window: leaseMs,
    heldWhileRunning: true,
    mayFreeEarly: true,
    countsDenials: false,
    capacity: (limit) => limit,
    step: unlogged(stepSlots),
    moving: (to) => ({ ...algorithm, step: unlogged(moveSlot(to)) }),
  };
  return algorithm as Algorithm;
}
