/**
 * The rejection as problem details (RFC 9457), with the problem types of
 * draft-ietf-httpapi-ratelimit-headers-11 §5.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";
import type { Denial } from "./denial.ts";
import { type Rejection, rejectionOf } from "./rejection.ts";

/** A problem type of the draft: constant except for the policies (RFC 9457 §3.1.3). */
interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: 429 | 503;
}

const QUOTA_EXCEEDED: Problem = {
  type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
  title: "Request cannot be satisfied as assigned quota has been exceeded",
  status: 429,
};
const ABNORMAL_USAGE: Problem = {
  type: "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
  title: "Request not satisfied due to detection of abnormal request pattern",
  status: 429,
};
const REDUCED_CAPACITY: Problem = {
  type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
  title: "Request cannot be satisfied due to temporary server capacity constraints",
  status: 503,
};
const PROBLEMS: readonly Problem[] = [QUOTA_EXCEEDED, ABNORMAL_USAGE, REDUCED_CAPACITY];

const CONTENT_TYPE = "application/problem+json";

/** Bodies cached per problem. There is one per set of rules that refuse together: usually few, but not bounded. */
const MAX_BODIES = 1000;

/** The problem of a refusal, and the names of the refusing rules, separated by spaces. */
interface ProblemSummary {
  readonly problem: Problem;
  readonly policies: string;
}

/** One loop without lists: refusals come in floods. */
function summaryOf(decisions: readonly Decision[]): ProblemSummary {
  let policies = "";
  let isOutage = false;
  let isFinal = false;
  let isBlock = true;
  for (const decision of decisions) {
    if (!refuses(decision)) continue;
    policies += (policies && " ") + decision.rule;
    isOutage ||= decision.source === "denied-by-policy";
    isFinal ||= decision.retryAfterMs === Infinity;
    isBlock &&= decision.blockedMs > 0;
  }
  // A cost above the burst never passes, so it is not an outage. A block is reported only if no quota refuses
  // as well.
  return {
    problem: isOutage && !isFinal ? REDUCED_CAPACITY : isBlock ? ABNORMAL_USAGE : QUOTA_EXCEEDED,
    policies,
  };
}

function bodyOf({ problem, policies }: ProblemSummary): Readonly<Record<string, unknown>> {
  return { ...problem, "violated-policies": policies.split(" ") };
}

/**
 * Answers with problem details. The type says that a quota was exceeded, that abnormal usage was blocked
 * (both 429), or that the server cannot decide for now (503); `violated-policies` names the refusing rules.
 *
 * @returns The rejection.
 *
 * @example
 * ```ts
 * import { problemJson, withThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), { name: "burst", rate: "1/min" }, {
 *   client: { address: () => "203.0.113.9" },
 *   reject: problemJson(),
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * deepStrictEqual(await refused.json(), {
 *   type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
 *   title: "Request cannot be satisfied as assigned quota has been exceeded",
 *   status: 429,
 *   "violated-policies": ["burst"],
 * });
 * ```
 */
export function problemJson(): Rejection {
  // Caches the text of each body.
  const bodies = new Map(PROBLEMS.map((problem) => [problem, new Map<string, string>()]));

  function textOf(summary: ProblemSummary): string {
    const known = bodies.get(summary.problem)!;
    let body = known.get(summary.policies);
    if (body === undefined) {
      body = JSON.stringify(bodyOf(summary));
      if (known.size < MAX_BODIES) known.set(summary.policies, body);
    }
    return body;
  }

  function deny(decisions: readonly Decision[]): Denial {
    const summary = summaryOf(decisions);
    return { status: summary.problem.status, body: textOf(summary), contentType: CONTENT_TYPE };
  }

  const example = (decisions: readonly Decision[]): unknown => bodyOf(summaryOf(decisions));
  return rejectionOf(deny, { contentType: CONTENT_TYPE, schema, example });
}

function schema(status: 429 | 503): Readonly<Record<string, unknown>> {
  const problems = PROBLEMS.filter((problem) => problem.status === status);
  return {
    type: "object",
    required: ["type", "title", "status", "violated-policies"],
    properties: {
      type: { type: "string", format: "uri-reference", enum: problems.map((problem) => problem.type) },
      title: { type: "string" },
      status: { type: "integer", enum: [status] },
      "violated-policies": {
        type: "array",
        description: "The names of the rate limiting policies that refused the request.",
        minItems: 1,
        uniqueItems: true,
        items: { type: "string" },
      },
    },
  };
}
