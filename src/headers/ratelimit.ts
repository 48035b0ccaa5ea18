/**
 * The RateLimit headers of the IETF draft (draft-ietf-httpapi-ratelimit-headers). The drafts differ on the
 * wire, so each is a strategy of its own; a new one is one more line in the table.
 *
 * @module
 */

import { BOOLEAN, type Demands, requireOptions } from "../options.ts";
import { type HeaderFormat, NO_FIELDS } from "./format.ts";
import { withPace } from "./pace.ts";
import { DRAFT_11, NEXT } from "./ratelimit_dialect.ts";
import { lists } from "./ratelimit_draft_11.ts";
import { draft6 } from "./ratelimit_draft_6.ts";
import { draft7 } from "./ratelimit_draft_7.ts";

/** By `draft`, where that is one. */
const DRAFTS = /* @__PURE__ */ new Map<unknown, () => HeaderFormat>([
  [11, () => lists(DRAFT_11)],
  ["next", () => lists(NEXT)],
  [7, draft7],
  [6, draft6],
]);

/** The maker of a draft's format; undefined where it is no draft. */
function makerOf(draft: unknown): (() => HeaderFormat) | undefined {
  if (!Array.isArray(draft)) return DRAFTS.get(draft);
  const [first, second, ...others] = draft;
  return first === 11 && second === "next" && others.length === 0 ? () => lists(DRAFT_11, NEXT) : undefined;
}

/** Options of {@link rateLimit}. */
export interface RateLimitOptions {
  /**
   * The draft whose form is sent. 11 is that of 08 to 11: `RateLimit` and `RateLimit-Policy` as lists of
   * named policies. 7 has one quota in `RateLimit`. 6, the form of 04 to 06, has `RateLimit-Limit`,
   * `RateLimit-Remaining` and `RateLimit-Reset`. Default 11.
   *
   * Unstable, as it follows a text that is not published: "next", the working group's of 15 August 2026, which has `a`
   * and `w` instead of `r` and `t`, the cost `c` where it is not 1, and has `RateLimit-Partition` for rules whose
   * partition has a name there (`byUser` and `byJwt`: user_id; `byApiKey`: client_id; `on` with one method: method).
   * `[11, "next"]` writes both in one item, which readers of either understand.
   */
  readonly draft?: 11 | 7 | 6 | "next" | readonly [11, "next"];
  /**
   * Send them on redirects (3xx) too? Default false: a client that reads `r=0` may not follow the redirect (section 5 of the
   * text after draft 11), and a 304 would write this request's state into a stored response.
   */
  readonly redirects?: boolean;
  /**
   * Send no more of a fixed window's quota than its rate allows until the window ends: of 10,000 per 1,000 s at most 100
   * in the last 10 s, however much is left, so that nobody is invited to spend the rest at once. Fewer units are
   * then sent than would pass. Default false.
   */
  readonly pace?: boolean;
}

const DEMANDS: Demands<RateLimitOptions> = {
  draft: {
    must: '11, 7, 6, "next" or [11, "next"]',
    holds: (draft) => makerOf(draft) !== undefined,
    isNumber: true,
  },
  redirects: BOOLEAN,
  pace: BOOLEAN,
};

/** The format without redirects: the fields that such a response carries already stay. */
function withoutRedirects({ fields, describe = {} }: HeaderFormat): HeaderFormat {
  return {
    fields(report, there) {
      const { status = 200 } = report;
      return status < 300 || status > 399 ? fields(report, there) : NO_FIELDS;
    },
    describe: Object.fromEntries(
      Object.entries(describe).map(([name, description]) => [name, { ...description, redirects: false }]),
    ),
  };
}

/**
 * Sends the IETF's `RateLimit` and `RateLimit-Policy`. In draft 11 every rule is listed, on a refusal the
 * refusing ones, and the members that a nested throttle or an upstream lists are kept in front, each policy once; drafts 7 and 6
 * send the tightest rule. No partition keys are sent, and nothing on redirects (3xx) unless `redirects` says so.
 *
 * Beside a field that is there already ours is written in its dialect, `r` and `t` or `a` and `w`, whatever `draft` is: a field in
 * two dialects is one that no client can read.
 *
 * @param options See {@link RateLimitOptions}.
 * @returns The format.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} On any other draft.
 *
 * @example
 * ```ts
 * import { rateLimit, retryAfter, withThrottle } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), { name: "burst", rate: "10/s" }, {
 *   client: { address: () => "203.0.113.9" },
 *   headers: [rateLimit(), retryAfter()],
 * });
 * const { headers } = await handler(new Request("https://example.com/"));
 *
 * strictEqual(headers.get("RateLimit-Policy"), '"burst";q=10;w=1');
 * strictEqual(headers.get("RateLimit"), '"burst";r=9;t=1');
 * ```
 */
export function rateLimit(options: RateLimitOptions = {}): HeaderFormat {
  requireOptions(options, DEMANDS, "send RateLimit headers");
  const { draft = 11, redirects = false, pace = false } = options;
  const plain = makerOf(draft)!();
  const format = pace ? withPace(plain) : plain;
  return redirects ? format : withoutRedirects(format);
}
