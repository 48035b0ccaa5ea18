/**
 * Lengths of time: how a person writes one, and the ms it means.
 *
 * @module
 */

import { cannot } from "./cannot.ts";

/** A length of time: a number of seconds, or words: "15min", "500ms", "1h". */
export type Duration = number | string;

/** A second, as a {@link Duration}: 1. */
export const SECOND = 1;

/** A minute, as a {@link Duration}: 60 s. */
export const MINUTE = 60;

/** An hour, as a {@link Duration}: 3600 s. */
export const HOUR = 3600;

/** A day, as a {@link Duration}: 86400 s. */
export const DAY = 86400;

const UNITS: readonly (readonly [ms: number, names: readonly string[]])[] = [
  [1, ["ms", "msec", "msecs", "millisecond", "milliseconds"]],
  [1000, ["s", "sec", "secs", "second", "seconds"]],
  [60_000, ["m", "min", "mins", "minute", "minutes"]],
  [3_600_000, ["h", "hr", "hrs", "hour", "hours"]],
  [86_400_000, ["d", "day", "days"]],
  [604_800_000, ["w", "wk", "wks", "week", "weeks"]],
];

const SPAN = /^\s*(\d{0,15})\s*([a-z]+)\s*$/i;

/** The ms that "15min", "min" or "500ms" mean, or null. */
export function spanMs(text: string): number | null {
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
