/**
 * Rates: how a person writes one, and the numbers it means.
 *
 * @module
 */

import { type Duration, durationMs, spanMs } from "../duration.ts";
import { cannot } from "../cannot.ts";
import { ANYTHING, requireOptions } from "../options.ts";

/** A rate in words: "100/hour", "5/15min", "60/min", "10/s", "1000/day", "1/500ms", "3/2h", "50/week". */
export type RateString = string;
/** A quota: in words, as `{ limit, window }`, or, for concurrency alone, as `{ limit }`. */
export type Rate = RateString | { limit: number; window: Duration } | { limit: number };

/** A rate in numbers. `windowMs` is null where the rate is a limit alone. */
export interface Quantity {
  /** Units a window. */
  readonly limit: number;
  /** The window, integer ms. */
  readonly windowMs: number | null;
}

/** RateLimit fields hold at most 15 digits (RFC 9651 section 3.3.1). */
const MOST_UNITS = 999_999_999_999_999;
const FORMS = `"100/hour", "5/15min", "1/500ms" or { limit, window }`;

const PARTS = { limit: ANYTHING, window: ANYTHING };

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
    requireOptions(rate, PARTS, `use ${subject}`, "a rate (for more, write { rate: ... })");
    const limit = limitOf(rate.limit, subject);
    const windowMs = "window" in rate ? durationMs(rate.window, subject, "window") : null;
    return { limit, windowMs };
  }
  throw new TypeError(cannot(`use ${subject}`, `rate must be ${FORMS}`, rate));
}
