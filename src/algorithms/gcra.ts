/**
 * GCRA (generic cell rate algorithm), also known as leaky bucket as a meter and, turned upside down, as token bucket: one
 * algorithm under three names.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { ceilDiv, floorDiv, MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";

// The state: what is owed, when it was owed, and the window its unit was made with. A request owes `windowMs` units and
// `limit` units drain a ms, so both are integers where the textbook's emission interval (window / limit) is a fraction
// that refuses the last request of a full burst.

const lua = `
function(state, limit, window, now, cost, since, p)
  local burst = p[1] == 0 and limit or p[1]
  local capacity = burst * window
  local owed, at = 0, now
  if state then
    owed, at = state[1], math.max(now, state[2])
    if state[3] ~= window then owed = math.min(MAX, math.ceil(owed * window / state[3])) end
    owed = math.max(0, owed - (at - state[2]) * limit)
  end
  local kept, allowed = state, true
  local before = owed
  if since then
    local elapsed = math.max(0, at - since)
    local change
    if cost > 0 then
      change = elapsed < window and cost * window or 0
    else
      change = math.min(0, cost * window + elapsed * limit)
    end
    local after = math.min(MAX, math.max(0, owed + change))
    if after ~= owed then
      owed = after
      if owed == 0 then at = now end
      kept = { owed, at, window }
    end
  else
    allowed = owed <= capacity - cost * window
    if allowed and cost > 0 then
      owed = owed + cost * window
      kept = { owed, at, window }
    end
  end
  local behind = at - now
  local reset = owed > 0 and math.min(MAX, ceil_div(owed, limit) + behind) or 0
  local retry = 0
  if not allowed then
    retry = cost > burst and math.huge
      or math.min(MAX, ceil_div(before - (capacity - cost * window), limit) + behind)
  end
  local remaining = math.min(limit, floor_div(math.max(0, capacity - owed), window))
  return allowed, remaining, reset, retry, kept, reset, at
end`;

/**
 * GCRA: a meter that every request fills and that drains continuously, `limit` units a window. Requests pass
 * while they fit, exactly full included. No second burst at window edges, and a steady client at the rate is
 * never refused. After a pause a full burst passes and then what drains, so at most burst + limit - 1 units pass
 * in any one window's length; where that must be the limit take {@link slidingLog} or {@link slidingWindow}.
 *
 * @param options `burst`: how many units fit into the empty meter. Default: the rule's limit.
 * @returns The algorithm.
 * @throws {RangeError} When burst is not a positive integer.
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
  const { burst: own } = options;
  if (own !== undefined && !(Number.isSafeInteger(own) && own > 0)) {
    throw new RangeError(`Cannot make gcra() as burst must be a positive integer: current value is ${own}`);
  }
  const capacity = (limit: number): number => own ?? limit;
  const step: StepPacked = (out, state, { limit, windowMs }, now, cost, since) => {
    const burst = capacity(limit);
    const full = burst * windowMs;
    let at = now;
    let owed = 0;
    if (state !== null) {
      const then = state[1];
      at = Math.max(now, then);
      const unit = state[2];
      owed = unit === windowMs ? state[0] : Math.min(MAX, Math.ceil(state[0] * windowMs / unit));
      owed = Math.max(0, owed - (at - then) * limit);
    }
    const before = owed;
    let changed = false;
    let allowed = true;
    if (since !== null) {
      // Who was charged for what has drained since is not known, so a correction errs on owing: an extra charge
      // counts in full for as long as a window, and of a refund only what has not drained since.
      const elapsed = Math.max(0, at - since);
      const change = cost > 0
        ? elapsed < windowMs ? cost * windowMs : 0
        : Math.min(0, cost * windowMs + elapsed * limit);
      owed = Math.min(MAX, Math.max(0, owed + change));
      changed = owed !== before;
      if (changed && owed === 0) at = now; // As if nothing was ever owed, also when the clock has stepped back.
    } else {
      allowed = owed <= full - cost * windowMs;
      changed = allowed && cost > 0;
      if (changed) owed += cost * windowMs;
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
    out.at = at;
    out.changed = changed;
    out.state[0] = owed;
    out.state[1] = at;
    out.state[2] = windowMs;
  };
  return {
    name: "gcra",
    lua,
    params: [own ?? 0],
    gradual: true,
    width: 3,
    revocable: false,
    capacity,
    refuse: (limit, windowMs) =>
      capacity(limit) * windowMs <= MAX
        ? null
        : `burst x window in ms must be at most 2^53 - 1 to be exact: current value is ${
          capacity(limit)
        } x ${windowMs}`,
    step: unpacked(3, step),
  } satisfies Algorithm<readonly number[]>;
}

/** {@link gcra} under its other name: requests fill a bucket that leaks at a steady rate. */
export const leakyBucket: typeof gcra = gcra;

/** {@link gcra} under its other name: tokens come back at a steady rate and each request takes one. */
export const tokenBucket: typeof gcra = gcra;
