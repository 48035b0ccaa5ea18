/**
 * The headers that send a refused client the time to come back: Retry-After, and the headers that the SDKs of OpenAI and
 * Anthropic read beside it.
 *
 * @module
 */

import { BOOLEAN, FUNCTION, number, requireOptions, requireResult } from "../options.ts";
import {
  fieldThere,
  type HeaderDescription,
  type HeaderFields,
  type HeaderFormat,
  type HeadersThere,
  NO_FIELDS,
} from "./format.ts";
import { decimal, waitSeconds } from "./numbers.ts";

/** The longest wait, in ms, that `ms` asks of a client: OpenAI's SDK ignores a longer one and tries again at once. */
const MAX_WAIT_MS = 60_000;

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

/** The wait of the Retry-After that is there, in ms, where it is no shorter than this one, sent in seconds; else null. */
function longerWait(there: HeadersThere, waitMs: number, at: number): number | null {
  const known = fieldThere(there, "retry-after");
  const knownMs = known === null ? 0 : msAsked(known, at);
  return knownMs >= waitSeconds(waitMs) * 1000 ? knownMs : null;
}

/** The field for a wait in ms, unless there is a longer one. */
function fieldsOf(waitMs: number, longer: number | null): HeaderFields {
  return longer === null ? { "retry-after": decimal(waitSeconds(waitMs)) } : NO_FIELDS;
}

/** The fields that SDKs read, for a wait in ms. A field that is there stays where it asks for no less. */
function fieldsForSdks(sentMs: number | null, there: HeadersThere): HeaderFields {
  if (sentMs === null) return { "x-should-retry": "false" };
  const known = fieldThere(there, "retry-after-ms") ?? "";
  const knownMs = /^\d{1,15}$/.test(known) ? Number(known) : 0;
  const waitMs = Math.max(1, Math.ceil(sentMs), knownMs);
  const fields = { "retry-after-ms": decimal(waitMs) };
  return waitMs > MAX_WAIT_MS ? { ...fields, "x-should-retry": "false" } : fields;
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

/** {@link retryAfter} for throttles that no document describes: their reports have a wait on refusals alone. */
export function plainRetryAfter(): HeaderFormat {
  return {
    fields({ retryAfterMs, at }, there) {
      if (retryAfterMs === null) return NO_FIELDS;
      return fieldsOf(retryAfterMs, longerWait(there, retryAfterMs, at));
    },
    describe: { "Retry-After": { description: "", on: "denied", example: "" } },
  };
}

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
  const part = number(0, 1);
  requireOptions(options, { ms: BOOLEAN, jitter: part, random: FUNCTION }, "send Retry-After");
  const { ms = false, jitter = 0, random = Math.random } = options;
  return {
    fields({ denied, retryAfterMs, at }, there) {
      if (!denied) return NO_FIELDS;
      if (retryAfterMs === null || !(retryAfterMs < Infinity)) {
        return ms ? fieldsForSdks(null, there) : NO_FIELDS;
      }
      const waitMs = retryAfterMs * (1 + jitter * requireResult(random(), part, "random"));
      const longer = longerWait(there, waitMs, at);
      const fields = fieldsOf(waitMs, longer);
      return ms ? { ...fields, ...fieldsForSdks(longer ?? waitMs, there) } : fields;
    },
    describe: { "Retry-After": DESCRIPTION, ...ms ? FOR_SDKS : {} },
  };
}
