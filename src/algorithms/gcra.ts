/**
 * GCRA (generic cell rate algorithm), also known as the leaky bucket as a meter and, inverted, as the token
 * bucket: one algorithm with three names.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { gcraLua, HALF, MAX_COUNT, PERIODS } from "./gcra_lua.ts";
import { ceilDiv, floorDiv, MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";
import { isAhead } from "./state.ts";
import { integer, requireOptions } from "../options.ts";

// The state: the debt, its time, the window of its unit, and the recently charged units. A request adds
// `windowMs` to the debt and `limit` drain per ms. So both are integers, while the textbook's emission
// interval (window / limit) is a fraction that refuses the last request of a full burst.
// A refunded charge leaves the meter as if it had never been charged: lower by the charge, unless the meter
// would have been empty since. The exact level is unknown, but it is at least the sum of all later charges,
// none of which has drained. So units are counted per eighth of a window: those of the current eighth, and
// those of the previous one in the upper half of the number.

/**
 * GCRA: a meter that every request fills and that drains continuously, `limit` units per window. Requests
 * pass while they fit, up to exactly full. There is no second burst at window edges, and a steady client at
 * the rate is never refused. After a pause a full burst passes and then the drained units, so at most burst +
 * limit - 1 units pass within one window's length; if the limit must be the maximum, use {@link slidingLog}
 * or {@link slidingWindow}.
 *
 * A refund by `count` or `settle` leaves the meter as if the charge had never been made, but never below the
 * other charges of the current eighth of a window and the previous one. For an older charge, units that
 * drained before these are not refunded twice.
 *
 * @param options `burst`: the number of units that fit into the empty meter. Default: the rule's limit.
 * @returns The algorithm.
 * @throws {TypeError} On an unknown option.
 * @throws {RangeError} If burst is not an integer of at least 1.
 *
 * @example Ten per second on average, at most three at once
 * ```ts
 * import { createThrottle, gcra } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "10/s", algorithm: gcra({ burst: 3 }) });
 * equal(throttle.rules[0].algorithm, "gcra");
 * ```
 */
export function gcra(options: { burst?: number } = {}): Algorithm {
  requireOptions(options, { burst: integer(1) }, "make gcra()");
  const { burst: own } = options;
  const capacity = (limit: number): number => own ?? limit;
  const step: StepPacked = (out, state, { limit, windowMs }, now, cost, since) => {
    const burst = capacity(limit);
    const full = burst * windowMs;
    const partMs = Math.ceil(windowMs / PERIODS);
    let at = now;
    let owed = 0;
    let earlier = 0;
    let lately = 0;
    let mended = false;
    let current = 0;
    // One without a debt and without counts is none, even if the clock has gone back.
    if (state === null || state[0] + state[3] === 0) {
      current = Math.floor(at / partMs);
    } else {
      const unit = state[2];
      mended = isAhead(state[1], now, windowMs);
      const then = mended ? now : state[1];
      at = Math.max(now, then);
      owed = unit === windowMs ? state[0] : Math.min(MAX, Math.ceil(state[0] * windowMs / unit));
      owed = Math.max(0, owed - (at - then) * limit);
      current = Math.floor(at / partMs);
      const passed = current - Math.floor(then / partMs);
      if (mended || unit !== windowMs) earlier = lately = MAX_COUNT;
      else if (passed <= 1) {
        earlier = Math.floor(state[3] / HALF);
        lately = state[3] - earlier * HALF;
        if (passed === 1) {
          earlier = lately;
          lately = 0;
        }
      }
    }
    const before = owed;
    const earlierBefore = earlier;
    const latelyBefore = lately;
    let allowed = true;
    if (since !== null) {
      const charged = Math.floor(since / partMs);
      const elapsed = Math.max(0, at - since);
      if (cost > 0) {
        // The order of the drained charges is unknown, so a late charge counts in full for one window.
        if (elapsed < windowMs) {
          owed = Math.min(MAX, owed + cost * windowMs);
          if (charged >= current) lately = Math.min(MAX_COUNT, lately + cost);
          else if (charged === current - 1) earlier = Math.min(MAX_COUNT, earlier + cost);
        }
      } else if (cost < 0 && since <= at && (elapsed < windowMs || elapsed * limit < full)) {
        const lowered = owed + cost * windowMs;
        let after: number;
        let drained = 0;
        if (charged === current) {
          after = lately = lately < MAX_COUNT ? Math.max(0, lately + cost) : MAX_COUNT;
        } else {
          if (charged < current - 1) drained = (current - 1) * partMs - since;
          else if (earlier < MAX_COUNT) earlier = Math.max(0, earlier + cost);
          after = earlier < MAX_COUNT && lately < MAX_COUNT ? earlier + lately : MAX_COUNT;
        }
        // All later charges may have been made just now.
        let least = lowered + elapsed * limit;
        if (after < MAX_COUNT) least = Math.min(least, Math.max(after * windowMs, lowered + drained * limit));
        owed = Math.max(0, Math.min(owed, least));
      }
      if (owed !== before && owed === 0 && now < at) {
        // Without any debt, even if the clock has gone back.
        at = now;
        current = Math.floor(at / partMs);
        earlier = lately = MAX_COUNT;
      }
    } else {
      allowed = owed <= full - cost * windowMs;
      if (allowed) {
        owed += cost * windowMs;
        lately = Math.min(MAX_COUNT, lately + cost);
      }
    }
    // While the clock is behind the state's time, nothing drains.
    const behindMs = at - now;
    const resetAfterMs = owed > 0 ? Math.min(MAX, ceilDiv(owed, limit) + behindMs) : 0;
    out.allowed = allowed;
    out.remaining = Math.min(limit, floorDiv(Math.max(0, full - owed), windowMs));
    out.resetAfterMs = resetAfterMs;
    out.retryAfterMs = allowed
      ? 0
      : cost > burst
      ? Infinity
      : Math.min(MAX, ceilDiv(before - (full - cost * windowMs), limit) + behindMs);
    out.ttlMs = resetAfterMs;
    if (lately + earlier > 0) {
      // As long as a charge of that time can be refunded.
      const endMs = (current + (lately > 0 ? 2 : 1)) * partMs - now;
      if (endMs > resetAfterMs) out.ttlMs = endMs;
    }
    out.at = at;
    out.changed = mended || owed !== before || earlier !== earlierBefore || lately !== latelyBefore;
    out.state[0] = owed;
    out.state[1] = at;
    out.state[2] = windowMs;
    out.state[3] = earlier * HALF + lately;
  };
  return {
    name: "gcra",
    lua: gcraLua(),
    params: [own ?? 0],
    refillsGradually: true,
    stateSize: 4,
    mayFreeEarly: false,
    capacity,
    unsupported: (limit, windowMs) =>
      capacity(limit) * windowMs <= MAX
        ? null
        : `burst x window in ms must be at most 2^53 - 1 to be exact: current value is ${
          capacity(limit)
        } x ${windowMs}`,
    step: unpacked(4, step),
  } satisfies Algorithm<readonly number[]>;
}

/** {@link gcra} under another name: requests fill a bucket that leaks at a steady rate. */
export const leakyBucket: typeof gcra = gcra;

/** {@link gcra} under another name: tokens return at a steady rate and each request takes one. */
export const tokenBucket: typeof gcra = gcra;
