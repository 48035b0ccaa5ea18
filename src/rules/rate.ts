/**
 * Reads rates.
 *
 * @module
 */

import { type Duration, durationMs, spanMs, wholeMs } from "../duration.ts";
import { cannot } from "../cannot.ts";
import { ANYTHING, integer, requireOptions } from "../options.ts";
import type { Every } from "../algorithms/algorithm.ts";
import { type Calendar, calendarOf } from "./calendar.ts";

/**
 * A rate as text: "100/hour", "5/15min", "60/min", "10/s", "1000/day", "1/500ms", "3/2h", "50/week". The units are those of a
 * {@link Duration}, where "m" is a minute, and "month" and "year". A day is 24 hours and a week 168, from the first request on.
 * "1000/month" and "10000/year" are of the calendar, in UTC.
 */
export type RateString = string;
/**
 * A quota: as text, as `{ limit, window }`, by the calendar as `{ limit, every }`, or, for algorithms with a window of their
 * own such as concurrency, as `{ limit }`.
 *
 * By the calendar a quota begins anew at midnight in `timeZone` (an IANA name such as "Europe/Berlin"; default "UTC") on the day
 * `startsOn`: of the month, 1 to 31; of the week, 1 for Monday to 7; of the year, 1 to 366. A month or a year without that day
 * begins on its last one. Default 1. Every client's quota begins at the same time, unless the rate is from a function.
 */
export type Rate =
  | RateString
  | { limit: number; window: Duration }
  | { limit: number; every: Every; timeZone?: string | undefined; startsOn?: number | undefined }
  | { limit: number };

/** A rate in numbers. `windowMs` is null if the rate is a limit alone. */
export interface Quantity {
  /** Units per window. */
  readonly limit: number;
  /** The window, integer ms; the longest of a calendar. */
  readonly windowMs: number | null;
  /** Present if the rate is of calendar periods. */
  readonly calendar?: Calendar;
}

/** RateLimit fields hold at most 15 digits (RFC 9651 section 3.3.1). */
const LIMIT = /* @__PURE__ */ integer(0, 999_999_999_999_999);
const FORMS = `"100/hour", "5/15min", "1000/month", { limit, window } or { limit, every }`;

const PARTS = { limit: ANYTHING, window: ANYTHING };

function limitOf(value: unknown, subject: string): number {
  if (LIMIT.holds(value)) return value as number;
  throw new RangeError(cannot(`use ${subject}`, `limit must be ${LIMIT.must}`, value));
}

/**
 * Parses a rate.
 *
 * @param rate The rate in any of its forms.
 * @param subject The owner of the rate, for the error: `rule "login"`.
 * @throws {TypeError} If the rate has none of its forms.
 * @throws {RangeError} If its limit, its window or a value of its calendar period is out of range.
 */
export function parseRate(rate: unknown, subject: string): Quantity {
  if (typeof rate === "string") {
    const [, limit, span = ""] = /^\s*(\d+)\s*\/([^/]*)$/.exec(rate) ?? [];
    const [, every] = /^\s*1?\s*(month|year)s?\s*$/i.exec(span) ?? [];
    if (every !== undefined) return parseRate({ limit: Number(limit), every: every.toLowerCase() }, subject);
    const ms = spanMs(span);
    if (ms !== null) {
      return { limit: limitOf(Number(limit), subject), windowMs: wholeMs(ms, subject, "window", rate) };
    }
  } else if (typeof rate === "object" && rate !== null && "limit" in rate) {
    if ((rate as { every?: unknown }).every !== undefined) {
      const calendar = calendarOf(rate, `use ${subject}`);
      return { limit: limitOf(rate.limit, subject), windowMs: calendar.longestMs, calendar };
    }
    requireOptions(rate, PARTS, `use ${subject}`, "a rate (for more, write { rate: ... })");
    const limit = limitOf(rate.limit, subject);
    const windowMs = "window" in rate ? durationMs(rate.window, subject, "window") : null;
    return { limit, windowMs };
  }
  throw new TypeError(cannot(`use ${subject}`, `rate must be ${FORMS}`, rate));
}
