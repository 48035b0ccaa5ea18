/**
 * What a person writes as a rate or a duration, and the numbers it means.
 *
 * @module
 */

import { cannot, requireNames } from "../cannot.ts";

/** A rate in words: "100/hour", "5/15min", "60/min", "10/s", "1000/day", "1/500ms", "3/2h", "50/week". */
export type RateString = string;

/** A length of time: a number of seconds, or words: "15min", "500ms", "1h". */
export type Duration = number | string;

/** A quota: in words, as `{ limit, window }`, or, for concurrency alone, as `{ limit }`. */
export type Rate = RateString | { limit: number; window: Duration } | { limit: number };

/** A second, as a {@link Duration}: 1. */
export const SECOND = 1;
/** A minute, as a {@link Duration}: 60 s. */
export const MINUTE = 60;
/** An hour, as a {@link Duration}: 3600 s. */
export const HOUR = 3600;
/** A day, as a {@link Duration}: 86400 s. */
export const DAY = 86400;

/** A rate in numbers. `windowMs` is null where the rate is a limit alone. */
export interface Quantity {
  /** Units a window. */
  readonly limit: number;
  /** The window, integer ms. */
  readonly windowMs: number | null;
}

const UNITS: readonly (readonly [ms: number, names: readonly string[]])[] = [
  [1, ["ms", "msec", "msecs", "millisecond", "milliseconds"]],
  [1000, ["s", "sec", "secs", "second", "seconds"]],
  [60_000, ["m", "min", "mins", "minute", "minutes"]],
  [3_600_000, ["h", "hr", "hrs", "hour", "hours"]],
  [86_400_000, ["d", "day", "days"]],
  [604_800_000, ["w", "wk", "wks", "week", "weeks"]],
];

/** RateLimit fields hold at most 15 digits (RFC 9651 section 3.3.1). */
const MOST_UNITS = 999_999_999_999_999;

const SPAN = /^\s*(\d{0,15})\s*([a-z]+)\s*$/i;
const FORMS = `"100/hour", "5/15min", "1/500ms" or { limit, window }`;

/** The ms that "15min", "min" or "500ms" mean, or null. */
function spanMs(text: string): number | null {
  const [, count, unit] = SPAN.exec(text) ?? [];
  const [ms] = UNITS.find(([, names]) => names.includes(unit?.toLowerCase())) ?? [];
  return ms === undefined ? null : (count === "" ? 1 : Number(count)) * ms;
}

/**
 * The integer ms of a duration.
 *
 * @param value Seconds, or words.
 * @param subject What it belongs to, for the error's sentence: `rule "login"`.
 * @param field Its name there, for the same.
 * @throws {TypeError} When it is neither a number nor words that mean one.
 * @throws {RangeError} When it is not a whole number of ms, at least 1.
 */
export function durationMs(value: unknown, subject: string, field: string): number {
  const ms = typeof value === "number" ? value * 1000 : typeof value === "string" ? spanMs(value) : null;
  if (ms === null) {
    throw new TypeError(
      cannot(
        `use ${subject}`,
        `${field} must be a number of seconds or a duration such as "15min" or "500ms"`,
        value,
      ),
    );
  }
  // Seconds such as 1.001 are not exact in binary; their ms are within a hair of an integer.
  const whole = Math.round(ms);
  if (
    !(Number.isSafeInteger(whole) && whole >= 1 && Math.abs(ms - whole) < 1e-6 * Math.max(1, whole / 1e6))
  ) {
    throw new RangeError(
      cannot(`use ${subject}`, `${field} must be a whole number of ms, at least 1`, value),
    );
  }
  return whole;
}

function limitOf(value: unknown, subject: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_UNITS) return value;
  throw new RangeError(cannot(`use ${subject}`, `limit must be an integer from 0 to ${MOST_UNITS}`, value));
}

/**
 * The numbers of a rate.
 *
 * @param rate What a person wrote.
 * @param subject Whose rate it is, for the error's sentence: `rule "login"`.
 * @throws {TypeError} When it has none of the forms of a rate.
 * @throws {RangeError} When its limit or its window is no usable number.
 */
export function parseRate(rate: unknown, subject: string): Quantity {
  if (typeof rate === "string") {
    const [, limit, span] = /^\s*(\d+)\s*\/([^/]*)$/.exec(rate) ?? [];
    const windowMs = span === undefined ? null : spanMs(span);
    if (windowMs === null) {
      throw new TypeError(cannot(`use ${subject}`, `rate must be ${FORMS}`, rate));
    }
    if (!(windowMs >= 1 && Number.isSafeInteger(windowMs))) {
      throw new RangeError(
        cannot(
          `use ${subject}`,
          `the window of its rate must be from 1 to ${Number.MAX_SAFE_INTEGER} ms`,
          rate,
        ),
      );
    }
    return { limit: limitOf(Number(limit), subject), windowMs };
  }
  if (typeof rate === "object" && rate !== null && "limit" in rate) {
    requireNames(rate, ["limit", "window"], `use ${subject}`, "a rate (for more, write { rate: ... })");
    const limit = limitOf(rate.limit, subject);
    const windowMs = "window" in rate ? durationMs(rate.window, subject, "window") : null;
    return { limit, windowMs };
  }
  throw new TypeError(cannot(`use ${subject}`, `rate must be ${FORMS}`, rate));
}
