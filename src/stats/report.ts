/**
 * The report of `stats()`: plain JSON.
 *
 * @module
 */

import type { Mode } from "../decision.ts";

/** Counts of requests. */
export interface StatsCounts {
  /** All requests. */
  requests: number;
  /** Refused requests. */
  refused: number;
  /** Requests that a rule in shadow mode would have refused. */
  shadow_refused: number;
}

/**
 * Requests on which a rule and its trial both decided, by the verdicts of the two. Requests that another rule refuses are left out:
 * they are refused with either of the two.
 */
export interface StatsTrial {
  /** Both the rule and its trial refuse. */
  both: number;
  /** The rule refuses, and its trial would let pass. */
  liveOnly: number;
  /** The rule lets pass, and its trial would refuse. */
  trialOnly: number;
  /** Neither refuses. */
  neither: number;
}

/** Counts of one rule's decisions. */
export interface StatsRuleCounts extends StatsCounts {
  /** Allowed requests that left a tenth of the limit or less. */
  near_limit: number;
  /** The rule beside its `trial`; absent where it had none. */
  trial?: StatsTrial;
}

/** One rule over the last 24 hours. */
export interface StatsRule extends StatsRuleCounts {
  /** Units per window, in the last decision; null if this instance has seen no decision of the rule. */
  limit: number | null;
  /** The window in ms, in the last decision; null likewise. */
  window_ms: number | null;
  /** Does the rule enforce its limit, or only report? As in the last decision; null likewise. */
  mode: Mode | null;
}

/** Counts by rule, route, method and status. "(other)" stands for names beyond the kept number. */
export interface StatsBreakdown extends StatsCounts {
  /** By rule name; a request counts under every rule that decided about it. */
  by_rule: Record<string, StatsRuleCounts>;
  /** By route pattern; "*" stands for requests that match no pattern of a rule. */
  by_route: Record<string, StatsCounts>;
  /** By method; "(other)" for a method outside the HTTP standard. */
  by_method: Record<string, StatsCounts>;
  /** Responses by status. */
  by_status: Record<string, number>;
}

/** One minute, or one hour. */
export interface StatsSlot extends StatsBreakdown {
  /** The start, epoch ms. */
  start: number;
  /** The number of distinct clients, within 2 %. */
  unique_clients: number;
}

/** The totals of a time span. */
export interface StatsSummary {
  /** All requests. */
  total_requests: number;
  /** Refused requests. */
  throttled_requests: number;
  /** Requests that a rule in shadow mode would have refused. */
  shadow_throttled_requests: number;
  /** The number of distinct clients, within 2 %: addresses, with an IPv6 /64 network as one. */
  unique_ips: number;
}

/** The health of the throttle's store, as this instance sees it. */
export interface StatsStoreHealth {
  /** Does the store work? */
  state: "working" | "failing";
  /** The start of that state, epoch ms; null if it has not changed since the start. */
  since: number | null;
  /** The number of times that the store started to fail. */
  failures: number;
  /** The last error; null if there was none. */
  error: string | null;
}

/** The result of {@link Stats.read}: plain JSON. */
export interface StatsReport {
  /** The time of the report, epoch ms. */
  at: number;
  /**
   * The scope of the counts: this instance alone, or all instances that share a store. "instance" while the
   * store cannot be read.
   */
  scope: "instance" | "shared";
  /** The current hour. */
  current_hour: StatsSummary;
  /** The current hour and the 23 hours before it. All members below are about these 24 hours. */
  last_24_hours: StatsSummary;
  /** The most refused clients: addresses with `showAddresses`, else short keyed hashes of them. */
  top_throttled_ips: { ip: string; refused: number }[];
  /**
   * The most refused keys of each rule: users under `byUser()`, addresses under `byIp()`. They are short
   * keyed hashes, or, with `revealKeys`, the keys themselves.
   */
  top_throttled_keys: { rule: string; key: string; refused: number }[];
  /** The most refused route patterns. */
  top_throttled_endpoints: { endpoint: string; refused: number }[];
  /** The clients with the most requests that only the trial of a rule would refuse, of each rule; called as in `top_throttled_ips`. */
  top_trial_only_ips: { rule: string; ip: string; requests: number }[];
  /** The route patterns with the most such requests. */
  top_trial_only_endpoints: { rule: string; endpoint: string; requests: number }[];
  /** By route pattern; "*" stands for requests that match no pattern of a rule. */
  by_endpoint: Record<string, StatsCounts>;
  /** By rule name. */
  by_rule: Record<string, StatsRule>;
  /** By method. */
  by_method: Record<string, StatsCounts>;
  /** Responses by status. */
  by_status: Record<string, number>;
  /** The last minutes in order, empty ones too. */
  minutes: StatsSlot[];
  /** The last 24 hours in order, empty ones too. */
  hours: StatsSlot[];
  /** The counts of this instance since its start: totals that only grow, for Prometheus. */
  instance: StatsBreakdown & {
    /** The time of its first request, epoch ms; null before that. */
    since: number | null;
  };
  /** The health of the throttle's store. */
  store: StatsStoreHealth;
}

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
