/**
 * GCRA (generic cell rate algorithm), also known as the leaky bucket as a meter and, inverted, as the token
 * bucket: one algorithm with three names.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { ceilDiv, floorDiv, MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";
import { packedLua, type PackedText, plainText } from "./packed_lua.ts";
import { isAhead } from "./state.ts";
import { integer, requireOptions } from "../options.ts";

// The state: the debt, its time, the window of its unit, and the recently charged units. A request adds
// `windowMs` to the debt and `limit` drain per ms. So both are integers, while the textbook's emission
// interval (window / limit) is a fraction that refuses the last request of a full burst.
// A refunded charge leaves the meter as if it had never been charged: lower by the charge, unless the meter
// would have been empty since. The exact level is unknown, but it is at least the sum of all later charges,
// none of which has drained. So units are counted per eighth of a window: those of the current eighth, and
// those of the previous one in the upper half of the number.

/** The number of periods per window for counting charges. */
const PERIODS = 8;
/** The factor of the number's upper half. */
const HALF = 67_108_864;
/** The largest count in a half; it stands for any larger number, whose order of charges is unknown. */
const MAX_COUNT = HALF - 1;

/** The time from 2004 to 2039, in ms. */
const ERA = 2 ** 40;

/**
 * Redis keeps 12 bytes in 32, and longer text in 48 or 64. So a state is 12 bytes where that is enough: one from 248 on, which no
 * text has, the low 40 bits of its time, and 48 bits for its debt and its two counts; the first byte tells how many of these are the
 * counts'. It has no window, and is written where the rate is static: then the key tells the window.
 */
function text(): PackedText {
  const { read, write } = plainText("gcra", 4);
  return {
    read: `local high, low
          if struct and #stored == 12 then high, low = struct.unpack('>I6I6', stored) end
          if high and high >= ${248 * ERA} then
            s2 = high % ${ERA} + ${ERA}
            local unit = 2 ^ (2 * (high + ${ERA} - s2) / ${ERA} - 495)
            local lately = low % unit
            low = (low - lately) / unit
            local earlier = low % unit
            s1, s3, s4 = (low - earlier) / unit, window, earlier * ${HALF} + lately
          else ${read} end`,
    say: `said = format('gcra %d %d %d %d', s1, s2, s3, s4)`,
    // The debt, and its time where that is not now.
    sayCharged: `said = at == now and format('%d', before) or format('%d %d', before, at)`,
    // Of a state in 12 bytes whose time has come, where the new one has room there too.
    charge: (limit, window, own) => {
      const part = Math.ceil(window / PERIODS);
      return `
        if stored and struct and #stored == 12 then
          local high, low = struct.unpack('>I6I6', stored)
          local before = high % ${ERA} + ${ERA}
          if high >= ${248 * ERA} and before <= now and now < ${2 * ERA} then
            local unit = 2 ^ (2 * (high + ${ERA} - before) / ${ERA} - 495)
            local lately = low % unit
            low = (low - lately) / unit
            local earlier = low % unit
            local owed = (low - earlier) / unit - (now - before) * ${limit}
            if owed < 0 then owed = 0 end
            local current = now - now % ${part}
            local passed = current - (before - before % ${part})
            if passed > 0 then earlier, lately = passed == ${part} and lately or 0, 0 end
            taken, known, said, allowed = true, stored, format('%d', owed), owed <= ${
        ((own || limit) - 1) * window
      }
            if allowed then
              owed, lately = owed + ${window}, lately + 1
              taken = earlier < unit and lately < unit and owed < ${2 ** 48} / (unit * unit)
              if taken then
                text = struct.pack('>I6I6', high - before + now, (owed * unit + earlier) * unit + lately)
              end
            end
            life = 0
            if owed > 0 then
              local rest = owed % ${limit}
              life = (owed - rest) / ${limit} + (rest > 0 and 1 or 0)
            end
            local ends = lately > 0 and current + ${
        2 * part
      } - now or earlier > 0 and current + ${part} - now or 0
            if ends > life then life = ends end
          end
        end`;
    },
    write: `local unit, first = 2, 247
          while (earlier >= unit or lately >= unit) and first < 254 do unit, first = 4 * unit, first + 1 end
          if not p and earlier < unit and lately < unit and s1 < ${2 ** 48} / (unit * unit)
            and s2 >= ${ERA} and s2 < ${2 * ERA} and struct then
            text = struct.pack('>I6I6', first * ${ERA} + s2, (s1 * unit + earlier) * unit + lately)
          else ${write} end`,
  };
}

// A function, since a bundler would keep a template at the top of a module even if nothing uses it.
const lua = (): string =>
  packedLua(
    4,
    {
      step: `
  local burst = p1 == 0 and limit or p1
  local capacity = burst * window
  local part = (window + (-window) % ${PERIODS}) / ${PERIODS}
  local owed, earlier, lately, mended, current = 0, 0, 0, false, nil
  at = now
  if s1 and s1 + s4 > 0 then
    mended = s2 - now > window -- isAhead
    local before = mended and now or s2
    if before > now then at = before end
    owed = s1
    if s3 ~= window then owed = math.min(${MAX}, math.ceil(owed * window / s3)) end
    owed = owed - (at - before) * limit
    if owed < 0 then owed = 0 end
    current = (at - at % part) / part
    local passed = current - (before - before % part) / part
    if mended or s3 ~= window then
      earlier, lately = ${MAX_COUNT}, ${MAX_COUNT}
    elseif passed <= 1 then
      lately = s4 % ${HALF}
      earlier = (s4 - lately) / ${HALF}
      if passed == 1 then earlier, lately = lately, 0 end
    end
  else
    current = (at - at % part) / part
  end
  local before, earlier_before, lately_before = owed, earlier, lately
  allowed = true
  if since then
    local passed = math.floor(since / part)
    local elapsed = math.max(0, at - since)
    if cost > 0 then
      if elapsed < window then
        owed = math.min(${MAX}, owed + cost * window)
        if passed >= current then
          lately = math.min(${MAX_COUNT}, lately + cost)
        elseif passed == current - 1 then
          earlier = math.min(${MAX_COUNT}, earlier + cost)
        end
      end
    elseif cost < 0 and since <= at and (elapsed < window or elapsed * limit < capacity) then
      local full = owed + cost * window
      local after, drained = lately, 0
      if passed == current then
        if lately < ${MAX_COUNT} then lately = math.max(0, lately + cost) end
        after = lately
      else
        if passed < current - 1 then
          drained = (current - 1) * part - since
        elseif earlier < ${MAX_COUNT} then
          earlier = math.max(0, earlier + cost)
        end
        after = earlier < ${MAX_COUNT} and lately < ${MAX_COUNT} and earlier + lately or ${MAX_COUNT}
      end
      local least = full + elapsed * limit
      if after < ${MAX_COUNT} then least = math.min(least, math.max(after * window, full + drained * limit)) end
      owed = math.max(0, math.min(owed, least))
    end
    if owed ~= before and owed == 0 and now < at then
      at, earlier, lately = now, ${MAX_COUNT}, ${MAX_COUNT}
    end
  else
    allowed = owed <= capacity - cost * window
    if allowed then
      owed = owed + cost * window
      lately = lately + cost
      if lately > ${MAX_COUNT} then lately = ${MAX_COUNT} end
    end
  end
  changed = mended or owed ~= before or earlier ~= earlier_before or lately ~= lately_before
  local behind = at - now
  life = 0
  if owed > 0 then
    local rest = owed % limit
    life = (owed - rest) / limit + (rest > 0 and 1 or 0) + behind
    if life > ${MAX} then life = ${MAX} end
  end
  local drained = life
  if lately + earlier > 0 then
    local ends = ((at - at % part) / part + (lately > 0 and 2 or 1)) * part - now
    if ends > life then life = ends end
  end
  s1, s2, s3, s4 = owed, at, window, earlier * ${HALF} + lately
`,
      text: text(),
      report: `
  reset, retry = drained, 0
  if not allowed then
    local over = before - (capacity - cost * window)
    local rest = over % limit
    retry = cost > burst and math.huge
      or math.min(${MAX}, (over - rest) / limit + (rest > 0 and 1 or 0) + behind)
  end
  local room = capacity - owed
  if room < 0 then room = 0 end
  remaining = (room - room % window) / window
  if remaining > limit then remaining = limit end
`,
    },
  );

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

/** {@link gcra} under another name: requests fill a bucket that leaks at a steady rate. */
export const leakyBucket: typeof gcra = gcra;

/** {@link gcra} under another name: tokens return at a steady rate and each request takes one. */
export const tokenBucket: typeof gcra = gcra;
