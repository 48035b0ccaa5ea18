/**
 * The rejection as problem details (RFC 9457), with the problem types of
 * draft-ietf-httpapi-ratelimit-headers-11 §5.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { type Decision, refuses, tightest } from "../decision.ts";
import type { Quota } from "../headers/format.ts";
import { isIgnored } from "../maybe.ts";
import { FUNCTION, requireOptions } from "../options.ts";
import { type Denial, denialFields } from "./denial.ts";
import { quotaText, waitText } from "./quota_text.ts";
import {
  type DecidedQuota,
  decidedQuotas,
  plainRejection,
  type Rejection,
  type RejectionDescription,
  rejectionOf,
} from "./rejection.ts";
import { rejectionStatus } from "./rejection_status.ts";

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

/** The decision that refuses a request for the longest time, as its detail is made of it. */
export interface RefusingDecision extends Decision {
  /** The unit of the rule's algorithm. Default "requests". */
  readonly unit: Quota["unit"];
  /** The unit of the calendar whose current period is the window; undefined where the window has a fixed length. */
  readonly every: Quota["every"];
}

/** The options of {@link problemJson}. */
export interface ProblemJsonOptions {
  /**
   * Makes the `detail` of a 429: one sentence for a person, in the language of the client. Null: none. Default, in English:
   * "5 requests per 15 minutes; try again in 12 minutes".
   */
  detail?: (decision: RefusingDecision, context: Context) => string | null;
}

function detailOf(decision: RefusingDecision): string {
  const { blockedMs, retryAfterMs } = decision;
  const quota = quotaText(decision);
  if (!Number.isFinite(retryAfterMs)) return `${quota}; waiting does not help`;
  const wait = waitText(retryAfterMs);
  return `${blockedMs > 0 ? "blocked" : quota}; try again in ${wait}`;
}

/** A denial, and the one decision that it was written for. */
interface Written extends RefusingDecision {
  readonly denial: Denial;
  /** The seconds to wait: a denial shows no part of one. */
  readonly seconds: number;
}

/** Is one denial written for both of these, with waits of as many seconds? */
function isAlike(one: Written, other: DecidedQuota): boolean {
  return one.rule === other.name && one.limit === other.limit && one.windowMs === other.windowMs &&
    one.cost === other.cost && one.source === other.source && one.blockedMs > 0 === other.blockedMs > 0 &&
    one.unit === other.unit && one.every === other.every;
}

/**
 * Answers with problem details. The type says that a quota was exceeded, that abnormal usage was blocked
 * (both 429), or that the server cannot decide for now (503); `violated-policies` names the refusing rules.
 *
 * The `detail` of a 429 is a sentence about the rule with the longest wait.
 *
 * @param options See {@link ProblemJsonOptions}.
 * @returns The rejection.
 * @throws {TypeError} On an unknown option, or if detail is not a function.
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
 *   detail: "1 request per minute; try again in 1 minute",
 *   "violated-policies": ["burst"],
 * });
 * ```
 *
 * @example In the language of the client
 * ```ts
 * import { problemJson, withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const reject = problemJson({
 *   detail({ retryAfterMs }, { request }) {
 *     const [language = "en"] = request.headers.get("accept-language")?.split(/[,;]/) ?? [];
 *     const format = new Intl.RelativeTimeFormat(language, { numeric: "always" });
 *     return format.format(Math.ceil(retryAfterMs / 60_000), "minute");
 *   },
 * });
 * const handler = withThrottle(() => new Response("inside"), "1/min", {
 *   client: { address: () => "203.0.113.9" },
 *   reject,
 * });
 * const request = new Request("https://example.com/", { headers: { "accept-language": "de-CH,de;q=0.9" } });
 * await handler(request);
 * equal((await (await handler(request)).json()).detail, "in 1 Minute");
 * ```
 */
export function problemJson(options: ProblemJsonOptions = {}): Rejection {
  requireOptions(options, { detail: FUNCTION }, "make problemJson()");
  const denial = compileDenial(options.detail);
  const example: RejectionDescription["example"] = (decisions, quotas) =>
    JSON.parse(denial(decidedQuotas(decisions, quotas)).body);
  return rejectionOf(denial, { contentType: CONTENT_TYPE, schema, example });
}

/** {@link problemJson} for throttles that no document describes; no one else has it. */
export function plainProblemJson(): Rejection {
  return plainRejection(compileDenial());
}

/** @param detail The option of that name. */
function compileDenial(
  detail?: ProblemJsonOptions["detail"],
): (quotas: readonly DecidedQuota[], context?: Context) => Denial {
  /**
   * The latest denials, by the last bits of the seconds to wait. To write a denial takes longer than to decide, and a flood of
   * requests gets the same few time and again.
   */
  const latest: (Written | undefined)[] = [];

  function denial(quotas: readonly DecidedQuota[], context?: Context): Denial {
    const refusing = quotas.length === 1 ? quotas : quotas.filter(refuses);
    // The quota that matters most to a client.
    const quota = tightest(refusing);
    const isKept = detail === undefined && refusing.length === 1;
    const seconds = Math.ceil(quota.retryAfterMs / 1000);
    const last = latest[seconds & 63];
    if (isKept && last?.seconds === seconds && isAlike(last, quota)) return last.denial;

    const current = { ...quota.decision, unit: quota.unit, every: quota.every };
    // A block is reported only if no quota refuses as well.
    const problem = rejectionStatus(refusing) === 503
      ? REDUCED_CAPACITY
      : refusing.every(({ blockedMs }) => blockedMs > 0)
      ? ABNORMAL_USAGE
      : QUOTA_EXCEEDED;
    // A function of one's own is about a request, and an example has none.
    const sentence = problem === REDUCED_CAPACITY
      ? null
      : detail === undefined
      ? detailOf(current)
      : context && detail(current, context);
    const body = JSON.stringify({
      ...problem,
      // Clients ignore one that is no text. Nobody waits for one that comes later, whatever it rejects with.
      detail: typeof sentence === "string" ? sentence : void isIgnored(sentence),
      "violated-policies": refusing.map(({ name }) => name),
    });
    const written = { status: problem.status, body, fields: denialFields(CONTENT_TYPE) };
    if (isKept) latest[seconds & 63] = { ...current, denial: written, seconds };
    return written;
  }

  return denial;
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
      ...status === 429
        ? { detail: { type: "string", description: "The limit and the wait, for people." } }
        : {},
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
