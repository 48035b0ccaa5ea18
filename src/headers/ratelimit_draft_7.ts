/**
 * The RateLimit headers as draft 07 writes them: one quota in RateLimit, and the policies by their quota.
 *
 * @module
 */

import { tightest } from "../decision.ts";
import { fieldThere, type HeaderFormat, isTighter, isToBeTold, NO_FIELDS } from "./format.ts";
import { describePolicies, policiesField, resetSeconds, windowed } from "./quota_policies.ts";
import { remainingUnits, whole } from "./numbers.ts";

/** @returns The format of draft 07. */
export function draft7(): HeaderFormat {
  return {
    fields(report, there) {
      const quotas = windowed(report.quotas);
      if (quotas.length === 0) return NO_FIELDS;
      const policies = { "ratelimit-policy": policiesField(quotas, there) };
      const ours = tightest(quotas);
      const reset = resetSeconds(ours);
      if (reset === null || !isToBeTold(ours, report)) return policies;
      const known = /^limit=(\d+), *remaining=(\d+)/.exec(fieldThere(there, "ratelimit") ?? "");
      if (known !== null && isTighter(there, known[1], known[2], ours)) return policies;
      const state = `limit=${whole(ours.limit)}, remaining=${remainingUnits(ours)}, reset=${reset}`;
      return { ...policies, "ratelimit": state };
    },
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
