/**
 * The RateLimit headers as draft 07 writes them: one quota in RateLimit, and the policies by their quota.
 *
 * @module
 */

import { tightest } from "../decision.ts";
import { type HeaderFormat, headerThere, isTighter, isToBeTold } from "./format.ts";
import { describePolicies, resetSeconds, windowed, writePolicies } from "./quota_policies.ts";
import { remainingUnits, whole } from "./numbers.ts";

/** @returns The format of draft 07. */
export function draft7(): HeaderFormat {
  return {
    write(headers, report) {
      const quotas = windowed(report.quotas);
      if (quotas.length === 0) return;
      writePolicies(headers, quotas, report);
      const ours = tightest(quotas);
      const reset = resetSeconds(ours);
      if (reset === null || !isToBeTold(ours, report)) return;
      const there = /^limit=(\d+), *remaining=(\d+)/.exec(headerThere(headers, "ratelimit", report) ?? "");
      if (there !== null && isTighter(headers, there[1], there[2], ours)) return;
      headers.set(
        "ratelimit",
        `limit=${whole(ours.limit)}, remaining=${remainingUnits(ours)}, reset=${reset}`,
      );
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
