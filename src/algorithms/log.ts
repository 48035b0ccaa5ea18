/**
 * The step that sliding log, sliding window and concurrency share: a list of charges, each of which leaves
 * one window after its time. They differ in what time a charge is entered under.
 *
 * @module
 */

import type { Algorithm, Policy } from "./algorithm.ts";
import { MAX } from "./integer.ts";
import type { StepSaid } from "./packed.ts";
import { isAhead } from "./state.ts";

/** Time and units of each charge, oldest first: `[time, units, time, units, ...]`, times ascending, units above 0. */
export type Log = readonly number[];

/** What a step over a log says. What to remember is the log with one change, so that a store need not copy it to step it. */
export interface LogStep extends StepSaid {
  /** The log that the change is made to: the one that was stepped, unless that had times to be mended. */
  log: ArrayLike<number>;
  /** Where what has not left begins in it. */
  first: number;
  /** Where the change begins, */
  cut: number;
  /** and where what comes after it does. */
  rest: number;
  /** The log's end. */
  end: number;
  /** The pair that comes in between: a time and its units, which are 0 where there is none. */
  time: number;
  units: number;
}

/**
 * {@link Algorithm.step} over a log that stands somewhere in a list.
 *
 * @param out Receives what the step says.
 * @param log The list.
 * @param from Where the log begins.
 * @param to Where it ends; where it begins if there is none.
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

/** A step that is there in both forms: as a step's other form hangs on it under `packed`, so does this one. */
export type LogFormStep = Algorithm<Log>["step"] & { readonly overLog: StepLog };

/** The log with all that is entered too far ahead of `stamp` under one time: that, or the last time before if that is later. */
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
 * @param stamp The time a charge is entered under: now, or the end of now's slot.
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
  // What a clock has entered that was a window ahead at most is no further ahead of what is entered now, slots being alike.
  let changed = to > from && isAhead(log[to - 2], stamp, windowMs);
  if (changed) {
    const whole = mended(log, from, to, windowMs, stamp);
    [log, from, to] = [whole, 0, whole.length];
  }
  let first = from;
  while (first < to && log[first] + windowMs <= now) first += 2;
  let used = 0;
  for (let i = first + 1; i < to; i += 2) used += log[i];

  // Entries stay in order when the clock has stepped back.
  const at = first < to ? Math.max(stamp, log[to - 2]) : stamp;
  let allowed = true;
  let retryAfterMs = 0;
  let cut = to;
  let rest = to;
  let time = at;
  let units = 0;
  if (since !== null) {
    // What was charged at a time that is taken for now can no longer be told from what else was: what is added counts
    // now, and nothing is given back.
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

/** How many numbers the changed log has. */
export function changedLength({ first, cut, rest, end, units }: LogStep): number {
  return cut - first + (units > 0 ? 2 : 0) + end - rest;
}

/** A run of numbers that is worth a call to copy it. */
const LONG_RUN = 128;

/** Copies a run of numbers, and says where it ends there. */
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

/** Writes the changed log from `at` on into a list that is not where it comes from. */
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

/** A step's answer that says nothing so far. */
export function emptyLogStep(): LogStep {
  return {
    ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, ttlMs: 0, at: 0, changed: false },
    ...{ log: [], first: 0, cut: 0, rest: 0, end: 0, time: 0, units: 0 },
  };
}

/** The step of an algorithm that is written over a log. */
export function unlogged(overLog: StepLog): LogFormStep {
  const step: Algorithm<Log>["step"] = (state, policy, now, cost, since) => {
    const out = emptyLogStep();
    overLog(out, state ?? [], 0, state?.length ?? 0, policy, now, cost, since);
    const { allowed, remaining, resetAfterMs, retryAfterMs, ttlMs, at } = out;
    let kept = state;
    if (out.changed) {
      const after: number[] = new Array(changedLength(out));
      writeChanged(out, after, 0);
      kept = after;
    }
    return { allowed, remaining, resetAfterMs, retryAfterMs, state: kept, ttlMs, at };
  };
  return Object.assign(step, { overLog });
}
