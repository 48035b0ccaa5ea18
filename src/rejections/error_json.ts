/**
 * The rejection as an error code, a message, and details to show to a person.
 *
 * @module
 */

import { type Decision, refuses, tightest } from "../decision.ts";
import { waitSeconds } from "../headers/numbers.ts";
import { jsonRejection } from "./json_rejection.ts";
import { waitText } from "./quota_text.ts";
import type { Rejection } from "./rejection.ts";
import { utcText } from "./utc_text.ts";

const ERRORS = {
  429: { error: "rate_limit_exceeded", message: "Too many requests. Please slow down." },
  503: { error: "service_unavailable", message: "Service temporarily unavailable. Please try again later." },
};

/** The details of the wait; empty if waiting does not help. */
function retryDetails(retryAfterMs: number, now: number): Readonly<Record<string, unknown>> {
  if (!Number.isFinite(retryAfterMs)) return {};
  const wait = waitSeconds(retryAfterMs);
  return {
    retry_after_seconds: wait,
    retry_after_timestamp: utcText(now + wait * 1000),
    retry_after_human: waitText(retryAfterMs),
  };
}

/**
 * Answers with an error code, a message, the rule with the longest wait (`throttle_type`), and the wait: in
 * seconds, as a UTC time and in words. If waiting does not help, as for a cost above the burst, the wait is
 * omitted. Anthropic's SDK and Octokit's show the message to their users; for OpenAI's SDK use `openAiJson`.
 *
 * @returns The rejection.
 *
 * @example
 * ```ts
 * import { errorJson, memoryStore, withThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const clock = () => Date.UTC(2026, 0, 1);
 * const handler = withThrottle(() => new Response("inside"), { name: "login", rate: "1/2min" }, {
 *   client: { address: () => "203.0.113.9" },
 *   store: memoryStore({ clock }),
 *   reject: errorJson(),
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * deepStrictEqual(await refused.json(), {
 *   error: "rate_limit_exceeded",
 *   message: "Too many requests. Please slow down.",
 *   details: {
 *     throttle_type: "login",
 *     retry_after_seconds: 120,
 *     retry_after_timestamp: "2026-01-01T00:02:00.000Z",
 *     retry_after_human: "2 minutes",
 *   },
 * });
 * ```
 */
export function errorJson(): Rejection {
  return jsonRejection(bodyOf, schema);
}

function bodyOf(decisions: readonly Decision[], status: 429 | 503): Readonly<Record<string, unknown>> {
  const { rule, retryAfterMs, at } = tightest(decisions.filter(refuses));
  const details = { throttle_type: rule, ...retryDetails(retryAfterMs, at) };
  return { ...ERRORS[status], details };
}

function schema(status: 429 | 503): Readonly<Record<string, unknown>> {
  return {
    type: "object",
    required: ["error", "message", "details"],
    properties: {
      error: { type: "string", enum: [ERRORS[status].error] },
      message: { type: "string" },
      details: {
        type: "object",
        required: ["throttle_type"],
        properties: {
          throttle_type: {
            type: "string",
            description: "The name of the rate limiting policy that refused.",
          },
          retry_after_seconds: { type: "integer", minimum: 1 },
          retry_after_timestamp: { type: "string", format: "date-time" },
          retry_after_human: { type: "string", description: 'The wait in words: "2 minutes".' },
        },
      },
    },
  };
}
