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
  /** Allowed requests that left a tenth of the limit or less, or of a burst below the limit. */
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
  /** Does the store work? It is "failing" while any part of it fails. */
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
  /**
   * The clients with the most requests that only the trial of a rule would refuse, of each rule; called as in
   * `top_throttled_ips`.
   */
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
