/**
 * The headers that send a refused client the time to come back: Retry-After, and the headers that the SDKs of OpenAI and
 * Anthropic read beside it.
 *
 * @module
 */

import { BOOLEAN, FUNCTION, number, requireOptions } from "../options.ts";
import { type HeaderDescription, type HeaderFormat, headerThere, type Report } from "./format.ts";
import { decimal, waitSeconds } from "./numbers.ts";

const NAME = "Retry-After";
const FIELD = "retry-after";

/**
 * The longest wait, in ms, that a client is asked to sit out by `ms`: OpenAI's SDK ignores a longer one and tries again at
 * once.
 */
const LONGEST_MS = 60_000;

/** Options of {@link retryAfter}. */
export interface RetryAfterOptions {
  /**
   * Send `retry-after-ms` beside it, the wait in ms, which the SDKs of OpenAI and Anthropic read first; and
   * `x-should-retry: false`, which makes them give up at once, where waiting cannot help or takes more than 60 s. OpenAI's
   * SDK ignores longer waits and would try again within a second, Anthropic's would wait in silence for as long.
   * Default false.
   */
  readonly ms?: boolean;
  /**
   * Waits are made longer by up to this part of them, at random, so that the clients refused in one window do not all
   * come back at its end: with 0.1 a wait of 60 s is sent as 60 to 66. Never shorter. From 0 to 1, default 0.
   */
  readonly jitter?: number;
  /** A random number from 0 to below 1; drawn for each refusal. Default `Math.random`. */
  readonly random?: () => number;
}

/** Ms from `at` (epoch ms) that a Retry-After asks to wait; it may be a date (RFC 9110 §10.2.3). NaN where it cannot be read. */
function msAsked(value: string, at: number): number {
  return /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - at;
}

/** Writes Retry-After, unless the header that is there asks for as long a wait. Gives the wait that is sent, in ms. */
function writeWait(headers: Headers, waitMs: number, report: Report): number {
  const wait = waitSeconds(waitMs);
  const there = headerThere(headers, FIELD, report);
  const thereMs = there === null ? 0 : msAsked(there, report.at);
  if (thereMs >= wait * 1000) return thereMs;
  headers.set(FIELD, decimal(wait));
  return waitMs;
}

/** Writes the headers that SDKs read. A header that is there stays where it asks for no less. */
function writeForSdks(headers: Headers, toldMs: number | null, report: Report): void {
  let waitMs = toldMs ?? Infinity;
  if (toldMs !== null) {
    const there = headerThere(headers, "retry-after-ms", report) ?? "";
    const thereMs = /^\d{1,15}$/.test(there) ? Number(there) : 0;
    waitMs = Math.max(1, Math.ceil(toldMs), thereMs);
    headers.set("retry-after-ms", decimal(waitMs));
  }
  if (waitMs > LONGEST_MS) headers.set("x-should-retry", "false");
}

const DESCRIPTION: HeaderDescription = {
  description: "Indicates how long the user agent should wait before its next request, in seconds.",
  on: "denied",
  schema: { type: "integer", minimum: 1 },
  example: "60",
};

const FOR_SDKS: Readonly<Record<string, HeaderDescription>> = {
  "Retry-After-Ms": {
    description: "The same wait in milliseconds.",
    on: "denied",
    schema: { type: "integer", minimum: 1 },
    example: "60000",
  },
  "X-Should-Retry": {
    description:
      "Says that the request should not be sent again: waiting cannot help, or takes more than 60 seconds.",
    on: "denied",
    optional: true,
    schema: { type: "string", enum: ["false"] },
    example: "false",
  },
};

/**
 * Sends `Retry-After` (RFC 9110 §10.2.3) on refused requests: the longest wait of the refusing rules in
 * seconds, rounded up, at least 1. Not sent when waiting cannot help, as for a cost above the burst. A longer
 * wait that the response asks for already stays.
 *
 * @param options See {@link RetryAfterOptions}.
 * @returns The format.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When jitter is not from 0 to 1.
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
 *
 * @example For the SDKs of OpenAI and Anthropic
 * ```ts
 * import { openAiJson, retryAfter, withThrottle, xRateLimit } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), "1/700ms", {
 *   client: { address: () => "203.0.113.9" },
 *   headers: [xRateLimit(), retryAfter({ ms: true })],
 *   reject: openAiJson(),
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * strictEqual(refused.headers.get("Retry-After"), "1");
 * strictEqual(Number(refused.headers.get("retry-after-ms")) <= 700, true);
 * ```
 */
export function retryAfter(options: RetryAfterOptions = {}): HeaderFormat {
  requireOptions(options, { ms: BOOLEAN, jitter: number(0, 1), random: FUNCTION }, "send Retry-After");
  const { ms = false, jitter = 0, random = Math.random } = options;
  return {
    write(headers, report) {
      const { denied, retryAfterMs } = report;
      if (!denied) return;
      const isHopeless = retryAfterMs === null || !Number.isFinite(retryAfterMs);
      const longer = isHopeless || jitter === 0 ? 0 : retryAfterMs * jitter * random();
      const toldMs = isHopeless ? null : writeWait(headers, retryAfterMs + longer, report);
      if (ms) writeForSdks(headers, toldMs, report);
    },
    describe: ms ? { [NAME]: DESCRIPTION, ...FOR_SDKS } : { [NAME]: DESCRIPTION },
  };
}
