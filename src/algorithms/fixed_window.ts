/**
 * Fixed window: a count that starts anew when its window is over.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";
import { isAhead } from "./state.ts";
import { BOOLEAN, requireOptions } from "../options.ts";

// The state: when the window opened (epoch ms), and the units used in it.

const lua = `
function(state, limit, window, now, cost, since, p)
  local function opening() return p[1] == 1 and now - math.fmod(now, window) or now end
  local mended = state and is_ahead(state[1], now, window)
  local start = mended and now or state and state[1] or opening()
  local open = state and now < start + window
  local used = open and state[2] or 0
  if not open then start = opening() end
  local after, allowed = used, true
  if since then
    if since + window > now and (cost > 0 or (open and since == state[1])) then
      after = math.min(MAX, math.max(0, used + cost))
    end
    if after ~= used and not open and not is_ahead(since, now, window) then start = since end
  else
    allowed = used + cost <= limit
    if allowed then after = used + cost end
  end
  local kept = state
  if after ~= used or mended then kept = { start, after } end
  local left = start + window - now
  local retry = 0
  if not allowed then retry = cost > limit and math.huge or left end
  local ttl = (open or kept ~= state) and left or 0
  return allowed, math.max(0, limit - after), after > 0 and left or 0, retry, kept, ttl, start
end`;

/**
 * Fixed window: the first counted request opens a window, `limit` units pass in it, and the next request
 * at or after its end opens a new one. The cheapest algorithm. Around a window's end up to twice the limit
 * passes in one window's length; where that matters take {@link gcra} or {@link slidingWindow}.
 *
 * @param options `aligned`: windows begin at multiples of the window since the epoch (every full minute,
 * every UTC day) instead of at the first request. Default false.
 * @returns The algorithm.
 * @throws {TypeError} On an option that does not exist, or when aligned is neither true nor false.
 *
 * @example Quotas that start anew at midnight UTC
 * ```ts
 * import { createThrottle, fixedWindow } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "1000/day", algorithm: fixedWindow({ aligned: true }) });
 * equal(throttle.rules[0].algorithm, "fixed-window");
 * ```
 */
export function fixedWindow(options: { aligned?: boolean } = {}): Algorithm {
  requireOptions(options, { aligned: BOOLEAN }, "make fixedWindow()");
  const { aligned = false } = options;
  const opening = (now: number, windowMs: number): number => aligned ? now - (now % windowMs) : now;
  const step: StepPacked = (out, state, { limit, windowMs }, now, cost, since) => {
    // Not for the start of the clock's own window, which could be over in a moment.
    const mended = state !== null && state[0] - now > windowMs; // `isAhead`, inlined
    let start = mended ? now : state !== null ? state[0] : opening(now, windowMs);
    // A clock that stepped back is before the start: the window stays open until its end.
    const open = state !== null && now < start + windowMs;
    const used = open ? state[1] : 0;
    if (state !== null && !open) start = opening(now, windowMs);
    let after = used;
    let allowed = true;
    if (since !== null) {
      // `since` is the start of the charged window. It differs from an open window's start only when the
      // charge was 0 on an idle key, which had no window: then an extra charge goes to what is open now.
      if (since + windowMs > now && (cost > 0 || (open && since === state[0]))) {
        after = Math.min(MAX, Math.max(0, used + cost));
      }
      if (after !== used && !open && !isAhead(since, now, windowMs)) start = since;
    } else {
      allowed = used + cost <= limit;
      if (allowed) after = used + cost;
    }
    const changed = after !== used || mended;
    const leftMs = start + windowMs - now;
    out.allowed = allowed;
    out.remaining = Math.max(0, limit - after);
    out.resetAfterMs = after > 0 ? leftMs : 0;
    out.retryAfterMs = allowed ? 0 : cost > limit ? Infinity : leftMs;
    out.ttlMs = open || changed ? leftMs : 0;
    out.at = start;
    out.changed = changed;
    out.state[0] = start;
    out.state[1] = after;
  };
  return {
    name: "fixed-window",
    // A window that opened at a request is none of the clock's.
    form: aligned ? "fixed-window+aligned" : undefined,
    lua,
    params: [aligned ? 1 : 0],
    stateSize: 2,
    mayFreeEarly: false,
    // The window's end.
    usableUntil: (start, windowMs) => start + windowMs,
    capacity: (limit) => limit,
    step: unpacked(2, step),
  } satisfies Algorithm<readonly number[]>;
}
