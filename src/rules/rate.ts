/**
 * Reads rates.
 *
 * @module
 */

import { type Duration, durationMs, spanMs } from "../duration.ts";
import { cannot } from "../cannot.ts";
import { ANYTHING, requireOptions } from "../options.ts";

/** A rate as text: "100/hour", "5/15min", "60/min", "10/s", "1000/day", "1/500ms", "3/2h", "50/week". */
export type RateString = string;
/**
 * A quota: as text, as `{ limit, window }`, or, for algorithms with a window of their own such as
 * concurrency, as `{ limit }`.
 */
export type Rate = RateString | { limit: number; window: Duration } | { limit: number };

/** A rate in numbers. `windowMs` is null if the rate is a limit alone. */
export interface Quantity {
  /** Units per window. */
  readonly limit: number;
  /** The window, integer ms. */
  readonly windowMs: number | null;
}

/** RateLimit fields hold at most 15 digits (RFC 9651 section 3.3.1). */
const MAX_LIMIT = 999_999_999_999_999;
const FORMS = `"100/hour", "5/15min", "1/500ms" or { limit, window }`;

const PARTS = { limit: ANYTHING, window: ANYTHING };

function limitOf(value: unknown, subject: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_LIMIT) return value;
  throw new RangeError(cannot(`use ${subject}`, `limit must be an integer from 0 to ${MAX_LIMIT}`, value));
}

/**
 * Parses a rate.
 *
 * @param rate The rate in any of its forms.
 * @param subject The owner of the rate, for the error: `rule "login"`.
 * @throws {TypeError} If the rate has none of its forms.
 * @throws {RangeError} If its limit or its window is out of range.
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
