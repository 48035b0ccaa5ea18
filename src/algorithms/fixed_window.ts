/**
 * Fixed window: a counter that resets when its window ends.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { MAX } from "./integer.ts";
import { type StepPacked, unpacked } from "./packed.ts";
import { latestOf } from "./periods.ts";
import { isAhead } from "./state.ts";
import { BOOLEAN, requireOptions } from "../options.ts";

/** The step over a state of two numbers: the start of the window (epoch ms), and its used units. */
function stepOf(aligned: boolean): StepPacked {
  return (out, state, { limit, windowMs, boundaries }, now, cost, since) => {
    let opening = aligned ? now - (now % windowMs) : now;
    // A window that started at this time, or earlier, has ended.
    let past = now - windowMs;
    // A repaired window starts now, even with `aligned`: the aligned window may end in a moment.
    // `isAhead`, written out: every decision comes here, and this is a call less.
    const mended = state !== null && state[0] - now > windowMs;
    let start = mended ? now : state !== null ? state[0] : opening;
    /** The end of the calendar period. */
    let ends: number | undefined;
    // If the clock went back before the start, the window stays open until its end.
    const period = boundaries === undefined ? -1 : latestOf(boundaries, Math.max(now, start));
    if (period >= 0) {
      const begins = boundaries![period];
      ends = boundaries![period + 1];
      // Of the time after the last boundary it is known only that its period began no earlier.
      past = ends === undefined ? Math.max(past, begins - 1) : begins - 1;
      if (ends !== undefined) opening = begins;
      if (ends !== undefined && mended) start = begins;
    }
    const open = state !== null && start > past;
    const used = open ? state[1] : 0;
    if (!open) start = opening;
    let after = used;
    let allowed = true;
    if (since !== null) {
      // `since` is the start of the charged window. It differs from the open window's start only if the
      // charge was 0 on an idle key, which had no window: then an extra charge goes to the open window.
      if (since > past && (cost > 0 || (open && since === state[0]))) {
        after = Math.min(MAX, Math.max(0, used + cost));
      }
      if (after !== used && !open && !isAhead(since, now, windowMs)) start = since;
    } else {
      allowed = used + cost <= limit;
      if (allowed) after = used + cost;
    }
    const changed = after !== used || mended;
    const leftMs = (ends ?? start + windowMs) - now;
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
}

/**
 * Fixed window: the first counted request opens a window, `limit` units pass in it, and the next request at
 * or after its end opens a new one. Under a rate by the calendar, such as `"1000/month"`, the windows are the
 * calendar's periods, by the store's clock. This is the cheapest algorithm. Up to twice the limit can pass
 * within one window's length around a window's end; use {@link gcra} or {@link slidingWindow} to prevent that.
 *
 * @param options `aligned`: windows begin at multiples of the window since the epoch (every full minute or
 * hour) instead of at the first request. Periods of the calendar begin when they begin. Default false.
 * @returns The algorithm.
 * @throws {TypeError} On an unknown option, or if aligned is not a boolean.
 *
 * @example Windows that begin at each full minute, and a quota per month from the 15th on
 * ```ts
 * import { createThrottle, fixedWindow } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle([
 *   { rate: "60/min", algorithm: fixedWindow({ aligned: true }) },
 *   { rate: { limit: 10_000, every: "month", timeZone: "Europe/Berlin", startsOn: 15 } },
 * ]);
 * equal(throttle.rules[1].period?.startsOn, 15);
 * ```
 */
export function fixedWindow(options: { aligned?: boolean } = {}): Algorithm {
  requireOptions(options, { aligned: BOOLEAN }, "make fixedWindow()");
  return windows(options.aligned);
}

/** {@link fixedWindow} with options that are checked. */
export function windows(aligned = false): Algorithm {
  return {
    name: "fixed-window",
    // A window that a request opened is not an aligned one.
    form: aligned ? "fixed-window+aligned" : undefined,
    lua: "fixed_window_step",
    params: [aligned ? 1 : 0],
    stateSize: 2,
    countsPeriods: true,
    mayFreeEarly: false,
    // The window's end.
    usableUntil: (start, windowMs) => start + windowMs,
    capacity: (limit) => limit,
    step: unpacked(2, stepOf(aligned), true),
  } satisfies Algorithm<readonly number[]>;
}
