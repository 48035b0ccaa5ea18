/**
 * What `stats()` reports: plain JSON.
 *
 * @module
 */

import type { Mode } from "../decision.ts";

/** Counts of requests. */
export interface StatsCounts {
  /** All of them. */
  requests: number;
  /** Those that were refused. */
  refused: number;
  /** Those that a rule in shadow mode would have refused. */
  shadow_refused: number;
}

/** Counts of what one rule decided. */
export interface StatsRuleCounts extends StatsCounts {
  /** Requests that it let pass with a tenth of its limit left, or less. */
  near_limit: number;
}

/** One rule over the last 24 hours. */
export interface StatsRule extends StatsRuleCounts {
  /** Units a window, as decided last; null where this instance has not seen the rule decide. */
  limit: number | null;
  /** The window in ms, likewise. */
  window_ms: number | null;
  /** Whether it refuses, likewise. */
  mode: Mode | null;
}

/** Counts by what the requests have to do with. "(other)" stands for what is beyond the number of names kept. */
export interface StatsBreakdown extends StatsCounts {
  /** By rule name; a request counts under every rule that decided it. */
  by_rule: Record<string, StatsRuleCounts>;
  /** By route pattern; "*" stands for requests that no rule has a pattern for. */
  by_route: Record<string, StatsCounts>;
  /** By method; "(other)" for any that is not of HTTP's own. */
  by_method: Record<string, StatsCounts>;
  /** Responses by status. */
  by_status: Record<string, number>;
}

/** One minute, or one hour. */
export interface StatsSlot extends StatsBreakdown {
  /** When it begins, epoch ms. */
  start: number;
  /** How many different clients there were, within 2 %. */
  unique_clients: number;
}

/** The sums of a span of time. */
export interface StatsSummary {
  /** All requests. */
  total_requests: number;
  /** Those that were refused. */
  throttled_requests: number;
  /** Those that a rule in shadow mode would have refused. */
  shadow_throttled_requests: number;
  /** How many different clients there were, within 2 %: addresses, an IPv6 network of /64 as one. */
  unique_ips: number;
}

/** How the throttle's store is doing, as this instance sees it. */
export interface StatsStoreHealth {
  /** Does it work? */
  state: "working" | "failing";
  /** Since when it is in that state, epoch ms; null when it has been since the beginning. */
  since: number | null;
  /** How often it began to fail. */
  failures: number;
  /** What was wrong last; null when nothing was. */
  error: string | null;
}

/** What {@link Stats.read} gives: all of it JSON. */
export interface StatsReport {
  /** When it was made, epoch ms. */
  at: number;
  /** Whose numbers these are: this instance's alone, or those of all that share a store. "instance" while that cannot be read. */
  scope: "instance" | "shared";
  /** The hour that began last. */
  current_hour: StatsSummary;
  /** The current hour and the 23 before it; all that follows is about these. */
  last_24_hours: StatsSummary;
  /** The clients that were refused most: addresses with `showAddresses`, else short keyed hashes of them. */
  top_throttled_ips: { ip: string; refused: number }[];
  /**
   * The keys that were refused most, of each rule so many: users under `byUser()`, addresses under `byIp()`. Short keyed
   * hashes of them, or, with `revealKeys`, the keys themselves.
   */
  top_throttled_keys: { rule: string; key: string; refused: number }[];
  /** The route patterns where most was refused. */
  top_throttled_endpoints: { endpoint: string; refused: number }[];
  /** By route pattern; "*" stands for requests that no rule has a pattern for. */
  by_endpoint: Record<string, StatsCounts>;
  /** By rule name. */
  by_rule: Record<string, StatsRule>;
  /** By method. */
  by_method: Record<string, StatsCounts>;
  /** Responses by status. */
  by_status: Record<string, number>;
  /** The last minutes, the earliest first, empty ones too. */
  minutes: StatsSlot[];
  /** The last 24 hours, the earliest first, empty ones too. */
  hours: StatsSlot[];
  /** What this instance counted since it began: sums that only grow, as Prometheus wants them. */
  instance: StatsBreakdown & {
    /** When it began, epoch ms: at its first request; null before that. */
    since: number | null;
  };
  /** How the throttle's store is doing. */
  store: StatsStoreHealth;
}

/** What is counted about a subject. Of a method and a route the first three, of a status the first. */
export const MEASURES = ["requests", "refused", "shadow_refused", "near_limit"] as const;

/** The place of a measure among them. */
export const REQUESTS = 0, REFUSED = 1, SHADOW_REFUSED = 2, NEAR_LIMIT = 3;

/** What is counted. */
export type Measure = (typeof MEASURES)[number];

/** What requests are counted by. */
export type Kind = "total" | "rule" | "route" | "method" | "status";

/** Nothing counted. Records have no prototype: a rule may be named `__proto__`. */
export function noCounts(): StatsBreakdown {
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

/** One number: what of what is counted, and how many. */
export type Count = readonly [kind: Kind, name: string, measure: Measure, n: number];

/** Adds a number to what it is part of. */
export function addCount(to: StatsBreakdown, [kind, name, measure, n]: Count): void {
  if (kind === "status") {
    to.by_status[name] = (to.by_status[name] ?? 0) + n;
    return;
  }
  const zero = { requests: 0, refused: 0, shadow_refused: 0 };
  const counts: StatsCounts = kind === "total"
    ? to
    : kind === "rule"
    ? to.by_rule[name] ??= { ...zero, near_limit: 0 }
    : to[`by_${kind}`][name] ??= zero;
  (counts as StatsRuleCounts)[measure] += n;
}

/** The sums of all counts. */
export function breakdownOf(counts: Iterable<Count>): StatsBreakdown {
  const sums = noCounts();
  for (const count of counts) addCount(sums, count);
  return sums;
}
