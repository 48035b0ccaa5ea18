/**
 * Counts by dimension, name and measure, and the breakdowns of a report that they add up to.
 *
 * @module
 */

import type { StatsBreakdown, StatsCounts, StatsTrial } from "./report.ts";

/** The counted quantities. A method and a route have the first three, a status the first. */
export const MEASURES = ["requests", "refused", "shadow_refused", "near_limit"] as const;

/** The index of each measure. */
export const REQUESTS = 0, REFUSED = 1, SHADOW_REFUSED = 2, NEAR_LIMIT = 3;

/** The counted quantities of a rule on trial. As many as {@link MEASURES}: names have rows of one length. */
export const TRIAL_MEASURES = ["both", "liveOnly", "trialOnly", "neither"] as const;

/** The name of a counted quantity. */
export type Measure = (typeof MEASURES)[number] | (typeof TRIAL_MEASURES)[number];

/** The dimension of a count; `trial` is that of rules on trial. */
export type Kind = "total" | "rule" | "trial" | "route" | "method" | "status";

/** The quantities that are counted in a dimension, in order. */
export const measuresOf = (kind: Kind): readonly Measure[] => kind === "trial" ? TRIAL_MEASURES : MEASURES;

/** Counts of zero. Records have no prototype: a rule may be named `__proto__`. */
export function emptyCounts(): StatsBreakdown {
  const record = (): Record<string, never> => Object.create(null);
  return {
    requests: 0,
    refused: 0,
    shadow_refused: 0,
    by_rule: record(),
    by_route: record(),
    by_method: record(),
    by_status: record(),
  };
}

/** One count: its dimension, its name, its measure, and the number. */
export type Count = readonly [kind: Kind, name: string, measure: Measure, n: number];

/** The counts of a name, in a dimension other than the status; zero where there were none. */
function countsIn(to: StatsBreakdown, kind: Exclude<Kind, "status">, name: string): StatsCounts | StatsTrial {
  if (kind === "total") return to;
  const zero = { requests: 0, refused: 0, shadow_refused: 0 };
  if (kind === "route" || kind === "method") return to[`by_${kind}`][name] ??= zero;
  const rule = to.by_rule[name] ??= { ...zero, near_limit: 0 };
  return kind === "rule" ? rule : rule.trial ??= { both: 0, liveOnly: 0, trialOnly: 0, neither: 0 };
}

/** Adds a count to a breakdown. */
export function addCount(to: StatsBreakdown, [kind, name, measure, n]: Count): void {
  if (kind === "status") {
    to.by_status[name] = (to.by_status[name] ?? 0) + n;
    return;
  }
  const counts = countsIn(to, kind, name) as unknown as Record<Measure, number>;
  counts[measure] += n;
}

/** The totals of all counts. */
export function breakdownOf(counts: Iterable<Count>): StatsBreakdown {
  const totals = emptyCounts();
  for (const count of counts) addCount(totals, count);
  return totals;
}
