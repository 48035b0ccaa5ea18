/**
 * Reads durations.
 *
 * @module
 */

import { cannot } from "./cannot.ts";

/**
 * A duration: a number of seconds, or text, a whole number and one unit: "15min", "500ms", "1h". The units are ms, s, min, h,
 * day and week, or their words: "90 seconds", "2 hours". "m" is a minute.
 */
export type Duration = number | string;

/** A second, as a {@link Duration}: 1. */
export const SECOND = 1;

/** A minute, as a {@link Duration}: 60 s. */
export const MINUTE = 60;

/** An hour, as a {@link Duration}: 3600 s. */
export const HOUR = 3600;

/** A day, as a {@link Duration}: 86400 s. */
export const DAY = 86400;

/** The units from the shortest on, in ms: ms, seconds, minutes, hours, days, weeks. */
export const UNITS_MS: readonly number[] = [1, 1000, 60_000, 3_600_000, 86_400_000, 604_800_000];

/** A count and a unit, each unit in a group of its own. */
const SPAN =
  /^\s*(\d{0,15})\s*(?:(ms|msecs?|milliseconds?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?)|(d|days?)|(w|wks?|weeks?))\s*$/i;

/** Converts "15min", "min" or "500ms" to ms, or returns null. */
export function spanMs(text: string): number | null {
  const [, count, ...units] = SPAN.exec(text) ?? [];
  if (count === undefined) return null;
  return (count === "" ? 1 : Number(count)) * UNITS_MS[units.findIndex((unit) => unit !== undefined)];
}

/**
 * Requires an integer number of ms, at least 1.
 *
 * @param ms The number.
 * @param subject The owner of the duration, for the error: `rule "login"`.
 * @param field Its name, for the error.
 * @param value The value as it was written.
 * @throws {RangeError} If it is none.
 */
export function wholeMs(ms: number, subject: string, field: string, value: unknown): number {
  // Seconds such as 1.001 are not exact in binary, so their ms may differ slightly from an integer.
  const whole = Math.round(ms);
  if (Number.isSafeInteger(whole) && whole >= 1 && Math.abs(ms - whole) < 1e-6 * Math.max(1, whole / 1e6)) {
    return whole;
  }
  throw new RangeError(
    cannot(`use ${subject}`, `${field} must be a whole number of ms, at least 1`, value),
  );
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
  if (ms !== null) return wholeMs(ms, subject, field, value);
  throw new TypeError(
    cannot(
      `use ${subject}`,
      `${field} must be a number of seconds or a duration such as "15min" or "500ms"`,
      value,
    ),
  );
}
