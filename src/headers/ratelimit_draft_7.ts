/**
 * The RateLimit headers as draft 07 writes them: one quota in RateLimit, and the policies by their quota.
 *
 * @module
 */

import { fieldThere, type HeaderFormat, isTighter, mayBeSent } from "./format.ts";
import { describePolicies, withPolicies } from "./quota_policies.ts";
import { remainingUnits, whole } from "./numbers.ts";

/** @returns The format of draft 07. */
export function draft7(): HeaderFormat {
  return {
    fields: (report, there) =>
      withPolicies(report.quotas, there, (ours, reset) => {
        if (!mayBeSent(ours, report)) return null;
        const known = /^limit=(\d+), *remaining=(\d+)/.exec(fieldThere(there, "ratelimit") ?? "");
        if (known !== null && isTighter(there, known[1], known[2], ours)) return null;
        return {
          "ratelimit": `limit=${whole(ours.limit)}, remaining=${remainingUnits(ours)}, reset=${reset}`,
        };
      }),
    describe: {
      "RateLimit-Policy": describePolicies,
      "RateLimit": {
        description:
          "Current rate limiting state: the quota, what remains of it, and the seconds until it resets.",
        on: "every",
        example: "limit=100, remaining=50, reset=5",
      },
    },
  };
}
