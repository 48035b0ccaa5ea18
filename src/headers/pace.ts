/**
 * Reports a part of the units that are left: the rest of the window's share at the rule's rate.
 *
 * @module
 */

import { type HeaderFormat, type Quota } from "./format.ts";
import { remainingUnits, seconds, waitSeconds } from "./numbers.ts";

/** The quota with no more left than its rate allows until its end; at least one unit, where one is left. */
function paced(quota: Quota): Quota {
  // Units that come back bit by bit are sent with the time in which they do.
  if (quota.refillsGradually === true || quota.unit === "concurrent-requests") return quota;
  const { allowed, limit, windowMs, resetAfterMs, retryAfterMs } = quota;
  const rest = allowed ? seconds(resetAfterMs) : waitSeconds(retryAfterMs);
  const most = Math.max(1, Math.ceil(limit * rest / seconds(windowMs)));
  if (!(most < remainingUnits(quota))) return quota;
  const { name, cost, blockedMs, unit, refillsGradually, dimensions } = quota;
  return {
    ...{ name, limit, windowMs, cost, allowed, remaining: most, resetAfterMs, retryAfterMs, blockedMs },
    ...{ unit, refillsGradually, dimensions },
  };
}

/** The format, sending fewer units: near a window's end nobody is invited to spend all remaining units at once. */
export function withPace({ fields, describe }: HeaderFormat): HeaderFormat {
  const format: HeaderFormat = {
    fields: (report, there) => fields({ ...report, quotas: report.quotas.map(paced) }, there),
  };
  return describe === undefined ? format : { ...format, describe };
}
