/**
 * Fixed window: a count that starts anew when its window is over.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";

// The state: when the window opened (epoch ms), and the units used in it.

const lua = `
function(state, limit, window, now, cost, since, p)
  local open = state and now < state[1] + window
  local start, used = now, 0
  if p[1] == 1 then start = now - math.fmod(now, window) end
  if open then start, used = state[1], state[2] end
  local kept, after, allowed = state, used, true
  if since then
    if since + window > now and (cost > 0 or (open and since == start)) then
      after = math.min(MAX, math.max(0, used + cost))
    end
    if after ~= used then
      if not open then start = since end
      kept = { start, after }
    end
  else
    allowed = used + cost <= limit
    if allowed and cost > 0 then
      after = used + cost
      kept = { start, after }
    end
  end
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
  const { aligned = false } = options;
  const step: StepPacked = (out, state, { limit, windowMs }, now, cost, since) => {
    // A clock that stepped back is before the start: the window stays open until its end.
    const open = state !== null && now < state[0] + windowMs;
    let start = open ? state[0] : aligned ? now - (now % windowMs) : now;
    const used = open ? state[1] : 0;
    let after = used;
    let allowed = true;
    if (since !== null) {
      // `since` is the start of the charged window. It differs from an open window's start only when the
      // charge was 0 on an idle key, which had no window: then an extra charge goes to what is open now.
      if (since + windowMs > now && (cost > 0 || (open && since === start))) {
        after = Math.min(MAX, Math.max(0, used + cost));
      }
      if (after !== used && !open) start = since;
    } else {
      allowed = used + cost <= limit;
      if (allowed) after = used + cost;
    }
    const changed = after !== used;
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
    lua,
    params: [aligned ? 1 : 0],
    width: 2,
    revocable: false,
    // The window's end.
    holdsUntil: (start, windowMs) => start + windowMs,
    capacity: (limit) => limit,
    step: unpacked(2, step),
  } satisfies Algorithm<readonly number[]>;
}
