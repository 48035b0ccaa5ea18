/**
 * Reads durations.
 *
 * @module
 */

import { cannot } from "./cannot.ts";

/** A duration: a number of seconds, or text: "15min", "500ms", "1h". */
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

/** Converts "15min", "min" or "500ms" to ms, or returns null. */
export function spanMs(text: string): number | null {
  const [, count, unit] = SPAN.exec(text) ?? [];
  const [ms] = UNITS.find(([, names]) => names.includes(unit?.toLowerCase())) ?? [];
  return ms === undefined ? null : (count === "" ? 1 : Number(count)) * ms;
}

/**
 * Converts a duration to an integer number of ms.
 *
 * @param value Seconds, or text.
 * @param subject The owner of the duration, for the error: `rule "login"`.
 * @param field Its name, for the error.
 * @throws {TypeError} If the value is neither a number nor a valid text.
 * @throws {RangeError} If the value is not an integer number of ms, at least 1.
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
  // Seconds such as 1.001 are not exact in binary, so their ms may differ slightly from an integer.
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
