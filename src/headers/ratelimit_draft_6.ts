/**
 * The RateLimit headers as drafts 04 to 06 write them: a header for each number, and the policies by their
 * quota.
 *
 * @module
 */

import { type HeaderFormat, isSent } from "./format.ts";
import { decimal, remainingUnits } from "./numbers.ts";
import { describePolicies, withPolicies } from "./quota_policies.ts";

/** @returns The format of drafts 04 to 06. */
export function draft6(): HeaderFormat {
  const count = { type: "integer", minimum: 0 };
  return {
    fields: (report, there) =>
      withPolicies(
        report.quotas,
        there,
        (ours, reset) =>
          !isSent("ratelimit-limit", "ratelimit-remaining", ours, report, there) ? null : {
            "ratelimit-limit": decimal(ours.limit),
            "ratelimit-remaining": decimal(remainingUnits(ours)),
            "ratelimit-reset": decimal(reset),
          },
      ),
    describe: {
      "RateLimit-Policy": describePolicies,
      "RateLimit-Limit": {
        description: "The maximum number of requests permitted in the current rate limit window.",
        on: "every",
        schema: count,
        example: "100",
      },
      "RateLimit-Remaining": {
        description: "The number of requests remaining in the current rate limit window.",
        on: "every",
        schema: count,
        example: "50",
      },
      "RateLimit-Reset": {
        description: "The number of seconds until the current rate limit window resets.",
        on: "every",
        schema: count,
        example: "5",
      },
    },
  };
}
