/**
 * Less than what is left: as much of it as the rest of the window has a right to.
 *
 * @module
 */

import { type HeaderFormat, type Quota, standingOf } from "./format.ts";
import { remainingUnits, seconds, waitSeconds } from "./whole.ts";

/** The quota, of which no more is left than its rate allows until its end; at least one unit, where one is left. */
function paced(quota: Quota): Quota {
  const standing = standingOf(quota);
  const { algorithm } = quota;
  // Units that come back bit by bit are told with the time in which they do.
  if (algorithm.refillsGradually === true || algorithm.unit === "concurrent-requests") return quota;
  const { allowed, limit, windowMs, resetAfterMs, retryAfterMs } = standing;
  const rest = allowed ? seconds(resetAfterMs) : waitSeconds(retryAfterMs);
  const most = Math.max(1, Math.ceil(limit * rest / seconds(windowMs)));
  if (!(most < remainingUnits(standing))) return quota;
  return { algorithm, dimensions: quota.dimensions, decision: { ...quota.decision, remaining: most } };
}

/** The format, telling less: near a window's end nobody is invited to spend all that is left of it at once. */
export function withPace({ write, describe }: HeaderFormat): HeaderFormat {
  const format: HeaderFormat = {
    write: (headers, report) => write(headers, { ...report, quotas: report.quotas.map(paced) }),
  };
  return describe === undefined ? format : { ...format, describe };
}
