/**
 * The Retry-After header of a refusal.
 *
 * @module
 */

import { decimal } from "./decimal.ts";
import { type HeaderFormat, headerThere } from "./format.ts";
import { waitSeconds } from "./whole.ts";

const NAME = "Retry-After";
const FIELD = "retry-after";

/** Seconds from `at` (epoch ms) that a Retry-After asks to wait; it may be a date (RFC 9110 §10.2.3). */
function secondsAsked(value: string, at: number): number {
  return /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - at) / 1000;
}

/**
 * Sends `Retry-After` (RFC 9110 §10.2.3) on refused requests: the longest wait of the refusing rules in
 * seconds, rounded up, at least 1. Not sent when waiting cannot help, as for a cost above the burst. A longer
 * wait that the response asks for already stays.
 *
 * @returns The format.
 *
 * @example
 * ```ts
 * import { retryAfter, withThrottle } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), "1/min", {
 *   client: { address: () => "203.0.113.9" },
 *   headers: [retryAfter()],
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * strictEqual(refused.status, 429);
 * strictEqual(refused.headers.get("Retry-After"), "60");
 * ```
 */
export function retryAfter(): HeaderFormat {
  return {
    write(headers, report) {
      const { denied, retryAfterMs, at } = report;
      if (!denied || retryAfterMs === null || !Number.isFinite(retryAfterMs)) return;
      const wait = waitSeconds(retryAfterMs);
      const there = headerThere(headers, FIELD, report);
      if (there !== null && secondsAsked(there, at) >= wait) return;
      headers.set(FIELD, decimal(wait));
    },
    describe: {
      [NAME]: {
        description: "Indicates how long the user agent should wait before its next request, in seconds.",
        on: "denied",
        schema: { type: "integer", minimum: 1 },
        example: "60",
      },
    },
  };
}
