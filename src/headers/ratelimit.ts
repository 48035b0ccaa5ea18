/**
 * The RateLimit headers of the IETF draft (draft-ietf-httpapi-ratelimit-headers). The drafts differ on the
 * wire, so each is a strategy of its own; a new one is one more line in the table.
 *
 * @module
 */

import type { HeaderFormat } from "./format.ts";
import { refusal } from "../refusal.ts";
import { draft11 } from "./ratelimit_draft_11.ts";
import { draft6 } from "./ratelimit_draft_6.ts";
import { draft7 } from "./ratelimit_draft_7.ts";

const DRAFTS = { 11: draft11, 7: draft7, 6: draft6 };

/** What {@link rateLimit} can be told. */
export interface RateLimitOptions {
  /**
   * The draft whose form is sent. 11 is that of 08 to 11: `RateLimit` and `RateLimit-Policy` as lists of
   * named policies. 7 has one quota in `RateLimit`. 6, the form of 04 to 06, has `RateLimit-Limit`,
   * `RateLimit-Remaining` and `RateLimit-Reset`. Default 11.
   */
  readonly draft?: 11 | 7 | 6;
  /**
   * Send them on redirects (3xx) too? Default false: a client that reads `r=0` may not follow the redirect (section 5 of the
   * text after draft 11), and a 304 would write this request's state into a stored response.
   */
  readonly redirects?: boolean;
}

/** The format without redirects: what such a response carries already stays. */
function withoutRedirects({ write, describe = {} }: HeaderFormat): HeaderFormat {
  return {
    write(headers, report) {
      const { status = 200 } = report;
      if (status < 300 || status > 399) write(headers, report);
    },
    describe: Object.fromEntries(
      Object.entries(describe).map(([name, description]) => [name, { ...description, redirects: false }]),
    ),
  };
}

/**
 * Sends the IETF's `RateLimit` and `RateLimit-Policy`. In draft 11 every rule is listed, on a refusal the
 * refusing ones, and what a nested throttle or an upstream lists is kept in front, each policy once; drafts 7 and 6
 * tell the tightest rule. No partition keys are sent, and nothing on redirects (3xx) unless `redirects` says so.
 *
 * Beside an upstream that writes the text after draft 11 (`a` and `w` in the place of `r` and `t`) ours is written so too: a
 * field in two dialects is one that no client can read.
 *
 * @param options Which draft, and whether on redirects.
 * @returns The format.
 * @throws {RangeError} On any other draft.
 * @throws {TypeError} When redirects is neither true nor false.
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
export function rateLimit({ draft = 11, redirects = false }: RateLimitOptions = {}): HeaderFormat {
  if (!Object.hasOwn(DRAFTS, draft)) {
    throw new RangeError(
      `Cannot send RateLimit headers as draft must be 11, 7 or 6: current value is ${draft}`,
    );
  }
  if (typeof redirects !== "boolean") {
    throw new TypeError(refusal("send RateLimit headers", "redirects must be true or false", redirects));
  }
  const format = DRAFTS[draft]();
  return redirects ? format : withoutRedirects(format);
}
