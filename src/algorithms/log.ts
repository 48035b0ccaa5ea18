/**
 * The step of sliding log, sliding window and concurrency: a list of charges, each of which expires one
 * window after its time. They differ in the time of an entry.
 *
 * @module
 */

import type { Policy } from "./algorithm.ts";
import { MAX } from "./integer.ts";
import type { StepNumbers } from "./packed.ts";
import { isAhead } from "./state.ts";

/**
 * Time and units of each charge, oldest first: `[time, units, time, units, ...]`, times ascending, units
 * above 0.
 */
export type Log = readonly number[];

/** The result of a step over a log. The new state is the log with one change, so that a store need not copy it. */
export interface LogStep extends StepNumbers {
  /** The log to change: the input, unless it had times to repair. */
  log: ArrayLike<number>;
  /** The index of the first entry that has not expired. */
  first: number;
  /** The start of the replaced range. */
  cut: number;
  /** The end of the replaced range. */
  rest: number;
  /** The log's end. */
  end: number;
  /** The inserted pair: a time and its units, which are 0 if there is none. */
  time: number;
  units: number;
}

/**
 * An algorithm's step over a log within a list.
 *
 * @param out Receives the result.
 * @param log The list.
 * @param from The log's start.
 * @param to The log's end; equal to its start for an empty log.
 */
export type StepLog = (
  out: LogStep,
  log: ArrayLike<number>,
  from: number,
  to: number,
  policy: Policy,
  now: number,
  cost: number,
  since: number | null,
) => void;

/**
 * The log with all entries too far ahead of `stamp` moved to one time: `stamp`, or the time of the entry
 * before if that is later.
 */
function mended(
  log: ArrayLike<number>,
  from: number,
  to: number,
  windowMs: number,
  stamp: number,
): Float64Array {
  let cut = to;
  let units = 0;
  for (; cut > from && isAhead(log[cut - 2], stamp, windowMs); cut -= 2) units += log[cut - 1];
  const time = cut > from ? Math.max(stamp, log[cut - 2]) : stamp;
  if (cut > from && log[cut - 2] === time) units += log[(cut -= 2) + 1];
  const whole = new Float64Array(cut - from + 2);
  for (let i = from; i < cut; i++) whole[i - from] = log[i];
  whole[cut - from] = time;
  whole[cut - from + 1] = units;
  return whole;
}

/**
 * One step over a log.
 *
 * @param stamp The time of a new entry: now, or the end of now's slot.
 */
export function logStep(
  out: LogStep,
  log: ArrayLike<number>,
  from: number,
  to: number,
  { limit, windowMs }: Policy,
  now: number,
  cost: number,
  since: number | null,
  stamp: number,
): void {
  // An entry at most a window ahead of the clock is at most a window ahead of a new entry, since slots have
  // equal lengths.
  let changed = to > from && isAhead(log[to - 2], stamp, windowMs);
  if (changed) {
    const whole = mended(log, from, to, windowMs, stamp);
    [log, from, to] = [whole, 0, whole.length];
  }
  let first = from;
  while (first < to && log[first] + windowMs <= now) first += 2;
  let used = 0;
  for (let i = first + 1; i < to; i += 2) used += log[i];

  // Entries stay in order if the clock has gone back.
  const at = first < to ? Math.max(stamp, log[to - 2]) : stamp;
  let allowed = true;
  let retryAfterMs = 0;
  let cut = to;
  let rest = to;
  let time = at;
  let units = 0;
  if (since !== null) {
    // Entries with repaired times cannot be distinguished, so an added charge counts now, and nothing is
    // refunded.
    const isLost = isAhead(since, stamp, windowMs);
    time = isLost ? at : since;
    if (time + windowMs > now && !(isLost && cost < 0)) {
      let found = first;
      while (found < to && log[found] < time) found += 2;
      const isThere = found < to && log[found] === time;
      const was = isThere ? log[found + 1] : 0;
      const after = Math.min(MAX - (used - was), Math.max(0, was + cost));
      if (after !== was) {
        changed = true;
        cut = found;
        rest = isThere ? found + 2 : found;
        units = after;
        used += after - was;
      }
    }
  } else if (used + cost > limit) {
    allowed = false;
    retryAfterMs = Infinity;
    let needed = used + cost - limit;
    for (let i = first; i < to; i += 2) {
      needed -= log[i + 1];
      if (needed <= 0) {
        retryAfterMs = log[i] + windowMs - now;
        break;
      }
    }
  } else if (cost > 0) {
    changed = true;
    const joins = first < to && log[to - 2] === at;
    if (joins) cut -= 2;
    units = joins ? log[cut + 1] + cost : cost;
    used += cost;
  }
  const last = rest < to ? log[to - 2] : units > 0 ? time : cut > first ? log[cut - 2] : -Infinity;
  const resetAfterMs = last === -Infinity ? 0 : last + windowMs - now;
  out.allowed = allowed;
  out.remaining = Math.max(0, limit - used);
  out.resetAfterMs = resetAfterMs;
  out.retryAfterMs = retryAfterMs;
  out.ttlMs = resetAfterMs;
  out.at = at;
  out.changed = changed;
  out.log = log;
  out.first = first;
  out.cut = cut;
  out.rest = rest;
  out.end = to;
  out.time = time;
  out.units = units;
}

/** The length of the changed log. */
export function changedLength({ first, cut, rest, end, units }: LogStep): number {
  return cut - first + (units > 0 ? 2 : 0) + end - rest;
}

/** The length from which a copy by `set` is faster than a loop. */
const LONG_RUN = 128;

/** Copies a range of numbers, and returns its end in the target. */
export function copyRun(
  from: ArrayLike<number>,
  start: number,
  end: number,
  into: number[] | Float64Array,
  at: number,
): number {
  if (end - start > LONG_RUN && from instanceof Float64Array && into instanceof Float64Array) {
    into.set(from.subarray(start, end), at);
    return at + end - start;
  }
  for (let i = start; i < end; i++) into[at++] = from[i];
  return at;
}

/** Writes the changed log into another list, from `at` on. */
export function writeChanged(
  { log, first, cut, rest, end, time, units }: LogStep,
  into: number[] | Float64Array,
  at: number,
): void {
  at = copyRun(log, first, cut, into, at);
  if (units > 0) {
    into[at++] = time;
    into[at++] = units;
  }
  copyRun(log, rest, end, into, at);
}

/** An empty result. */
export function emptyLogStep(): LogStep {
  return {
    ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, ttlMs: 0, at: 0, changed: false },
    ...{ log: [], first: 0, cut: 0, rest: 0, end: 0, time: 0, units: 0 },
  };
}
