/**
 * The rejection in the form of OpenAI's API and compatible ones.
 *
 * @module
 */

import { type Decision, refuses, tightest } from "../decision.ts";
import { waitSeconds } from "../headers/numbers.ts";
import { jsonRejection } from "./json_rejection.ts";
import type { Rejection } from "./rejection.ts";

const ERRORS = {
  429: { type: "rate_limit_error", code: "rate_limit_exceeded" },
  503: { type: "server_error", code: "service_unavailable" },
};

/** The message that SDKs show to people: the limit, and the wait. */
function sentenceOf({ rule, retryAfterMs }: Decision, status: 429 | 503): string {
  if (status === 503) return "Requests cannot be counted for now. Please try again later.";
  if (!Number.isFinite(retryAfterMs)) {
    return `Too many requests for the limit "${rule}". Waiting does not help.`;
  }
  return `Too many requests for the limit "${rule}". Please try again in ${waitSeconds(retryAfterMs)} s.`;
}

function bodyOf(decisions: readonly Decision[], status: 429 | 503): Readonly<Record<string, unknown>> {
  return { error: { message: sentenceOf(tightest(decisions.filter(refuses)), status), ...ERRORS[status] } };
}

function schema(status: 429 | 503): Readonly<Record<string, unknown>> {
  const { type, code } = ERRORS[status];
  return {
    type: "object",
    required: ["error"],
    properties: {
      error: {
        type: "object",
        required: ["message", "type", "code"],
        properties: {
          message: { type: "string" },
          type: { type: "string", enum: [type] },
          code: { type: "string", enum: [code] },
        },
      },
    },
  };
}

/**
 * Answers `{"error":{"message":...,"type":"rate_limit_error","code":"rate_limit_exceeded"}}`. The SDKs of
 * OpenAI and of compatible APIs show the message: `429 Too many requests for the limit "burst". Please try
 * again in 60 s.` For Anthropic's SDK and Octokit's use `errorJson`.
 *
 * Send it with `retryAfter({ ms: true })`: these SDKs wait by that header.
 *
 * @returns The rejection.
 *
 * @example
 * ```ts
 * import { openAiJson, withThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), { name: "burst", rate: "1/min" }, {
 *   client: { address: () => "203.0.113.9" },
 *   reject: openAiJson(),
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * deepStrictEqual(await refused.json(), {
 *   error: {
 *     message: 'Too many requests for the limit "burst". Please try again in 60 s.',
 *     type: "rate_limit_error",
 *     code: "rate_limit_exceeded",
 *   },
 * });
 * ```
 */
export function openAiJson(): Rejection {
  return jsonRejection(bodyOf, schema);
}
