/**
 * GCRA (generic cell rate algorithm), also known as leaky bucket as a meter and, turned upside down, as token bucket: one
 * algorithm under three names.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { ceilDiv, floorDiv, MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";
import { isAhead } from "./state.ts";
import { integer, requireOptions } from "../options.ts";

// The state: what is owed, when it was owed, the window its unit was made with, and the units charged of late. A request
// owes `windowMs` units and `limit` units drain a ms, so both are integers where the textbook's emission interval (window /
// limit) is a fraction that refuses the last request of a full burst.
//
// A charge that is taken back leaves the meter as if it had not been: lower by as much, unless the meter without it ran
// empty since and what was charged after it would not have drained. How far that goes is not known, but the meter is never
// emptier than all that was charged after it, none of which has drained. So units are counted by the time at which they were
// charged, in eighths of a window: those of the current eighth, and those of the one before, in the upper half of the number.

/** How many times of their own a window has for charges. */
const PARTS = 8;
/** What the upper half of the last number begins at. */
const HALF = 67_108_864;
/** As many units as a half holds stand for any number: nothing is known then of what was charged after what. */
const MANY = HALF - 1;

// Made when an algorithm is: a template at the top of a module is no constant to a user's bundler, and would stay.
const lua = (): string => `
function(state, limit, window, now, cost, since, p)
  local burst = p[1] == 0 and limit or p[1]
  local capacity = burst * window
  local part = math.ceil(window / ${PARTS})
  local owed, at, earlier, lately, mended = 0, now, 0, 0, false
  if state then
    mended = is_ahead(state[2], now, window)
    local before = mended and now or state[2]
    at = math.max(now, before)
    owed = state[1]
    if state[3] ~= window then owed = math.min(MAX, math.ceil(owed * window / state[3])) end
    owed = math.max(0, owed - (at - before) * limit)
    local passed = math.floor(at / part) - math.floor(before / part)
    earlier = math.floor(state[4] / ${HALF})
    lately = state[4] - earlier * ${HALF}
    if mended or state[3] ~= window then
      earlier, lately = ${MANY}, ${MANY}
    elseif passed == 1 then
      earlier, lately = lately, 0
    elseif passed > 1 then
      earlier, lately = 0, 0
    end
  end
  local current = math.floor(at / part)
  local before, earlier_before, lately_before, allowed = owed, earlier, lately, true
  if since then
    local passed = math.floor(since / part)
    local elapsed = math.max(0, at - since)
    if cost > 0 then
      if elapsed < window then
        owed = math.min(MAX, owed + cost * window)
        if passed >= current then
          lately = math.min(${MANY}, lately + cost)
        elseif passed == current - 1 then
          earlier = math.min(${MANY}, earlier + cost)
        end
      end
    elseif cost < 0 and since <= at and (elapsed < window or elapsed * limit < capacity) then
      local full = owed + cost * window
      local after, drained = lately, 0
      if passed == current then
        if lately < ${MANY} then lately = math.max(0, lately + cost) end
        after = lately
      else
        if passed < current - 1 then
          drained = (current - 1) * part - since
        elseif earlier < ${MANY} then
          earlier = math.max(0, earlier + cost)
        end
        after = earlier < ${MANY} and lately < ${MANY} and earlier + lately or ${MANY}
      end
      local least = full + elapsed * limit
      if after < ${MANY} then least = math.min(least, math.max(after * window, full + drained * limit)) end
      owed = math.max(0, math.min(owed, least))
    end
    if owed ~= before and owed == 0 and now < at then
      at, earlier, lately = now, ${MANY}, ${MANY}
    end
  else
    allowed = owed <= capacity - cost * window
    if allowed then
      owed = owed + cost * window
      lately = math.min(${MANY}, lately + cost)
    end
  end
  local kept = state
  if mended or owed ~= before or earlier ~= earlier_before or lately ~= lately_before then
    kept = { owed, at, window, earlier * ${HALF} + lately }
  end
  local behind = at - now
  local reset = owed > 0 and math.min(MAX, ceil_div(owed, limit) + behind) or 0
  local retry = 0
  if not allowed then
    retry = cost > burst and math.huge
      or math.min(MAX, ceil_div(before - (capacity - cost * window), limit) + behind)
  end
  local remaining = math.min(limit, floor_div(math.max(0, capacity - owed), window))
  local life = reset
  if lately + earlier > 0 then
    local parts = math.floor(at / part) + (lately > 0 and 2 or 1)
    life = math.max(life, parts * part - now)
  end
  return allowed, remaining, reset, retry, kept, life, at
end`;

/**
 * GCRA: a meter that every request fills and that drains continuously, `limit` units a window. Requests pass
 * while they fit, exactly full included. No second burst at window edges, and a steady client at the rate is
 * never refused. After a pause a full burst passes and then what drains, so at most burst + limit - 1 units pass
 * in any one window's length; where that must be the limit take {@link slidingLog} or {@link slidingWindow}.
 *
 * What is taken back of a charge, by `count` or `settle`, leaves the meter as if it had never been charged, but never emptier
 * than what else was charged in this eighth of a window and the one before; of an older charge, what drained before these
 * is not given back a second time.
 *
 * @param options `burst`: how many units fit into the empty meter. Default: the rule's limit.
 * @returns The algorithm.
 * @throws {TypeError} On an option that does not exist.
 * @throws {RangeError} When burst is not an integer of at least 1.
 *
 * @example Ten a second on average, at most three at once
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
    const partMs = Math.ceil(windowMs / PARTS);
    let at = now;
    let owed = 0;
    let earlier = 0;
    let lately = 0;
    let mended = false;
    let current = 0;
    if (state === null) {
      current = Math.floor(at / partMs);
    } else {
      const unit = state[2];
      mended = isAhead(state[1], now, windowMs);
      const then = mended ? now : state[1];
      at = Math.max(now, then);
      owed = unit === windowMs ? state[0] : Math.min(MAX, Math.ceil(state[0] * windowMs / unit));
      owed = Math.max(0, owed - (at - then) * limit);
      current = Math.floor(at / partMs);
      const passed = at === then ? 0 : current - Math.floor(then / partMs);
      if (mended || unit !== windowMs) earlier = lately = MANY;
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
        // Who was charged for what has drained since is not known: what comes late counts in full for as long as a window.
        if (elapsed < windowMs) {
          owed = Math.min(MAX, owed + cost * windowMs);
          if (charged >= current) lately = Math.min(MANY, lately + cost);
          else if (charged === current - 1) earlier = Math.min(MANY, earlier + cost);
        }
      } else if (cost < 0 && since <= at && (elapsed < windowMs || elapsed * limit < full)) {
        const lowered = owed + cost * windowMs;
        let after: number;
        let drained = 0;
        if (charged === current) {
          after = lately = lately < MANY ? Math.max(0, lately + cost) : MANY;
        } else {
          if (charged < current - 1) drained = (current - 1) * partMs - since;
          else if (earlier < MANY) earlier = Math.max(0, earlier + cost);
          after = earlier < MANY && lately < MANY ? earlier + lately : MANY;
        }
        // All that was charged after it may have been charged just now.
        let least = lowered + elapsed * limit;
        if (after < MANY) least = Math.min(least, Math.max(after * windowMs, lowered + drained * limit));
        owed = Math.max(0, Math.min(owed, least));
      }
      if (owed !== before && owed === 0 && now < at) {
        // As if nothing was ever owed, although the clock has stepped back.
        at = now;
        current = Math.floor(at / partMs);
        earlier = lately = MANY;
      }
    } else {
      allowed = owed <= full - cost * windowMs;
      if (allowed) {
        owed += cost * windowMs;
        lately = Math.min(MANY, lately + cost);
      }
    }
    // While the clock is behind the state's time nothing drains.
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
      // As long as what was charged then can be taken back.
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
    lua: lua(),
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

/** {@link gcra} under its other name: requests fill a bucket that leaks at a steady rate. */
export const leakyBucket: typeof gcra = gcra;

/** {@link gcra} under its other name: tokens come back at a steady rate and each request takes one. */
export const tokenBucket: typeof gcra = gcra;
