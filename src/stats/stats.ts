/**
 * Statistics over the last 24 hours: which clients are throttled, where, and how much.
 *
 * @module
 */

import type { Observer, ThrottleEvent } from "../observers/events.ts";
import { type Seed, shortHash } from "../hash/half_sip_hash.ts";
import { messageOf, shown } from "../cannot.ts";
import { BOOLEAN, FUNCTION, having, integer, requireOptions, typeShown } from "../options.ts";
import type { Store } from "../stores/store.ts";
import { wholeClock } from "../whole_clock.ts";
import { REQUESTS } from "./counts.ts";
import type { StatsReport, StatsRule, StatsStoreHealth, StatsSummary } from "./report.ts";
import { isAddress, requestCounter } from "./request_counter.ts";
import { partsOf, ruleKey, shownTrialClient } from "./rule_key.ts";
import type { RuleFacts, SharedSpan } from "./shared_span.ts";
import { sharing } from "./sharing.ts";
import { MINUTES, type Span, timeline } from "./timeline.ts";

/** The options of {@link stats}. */
export interface StatsOptions {
  /** Show clients by their addresses, in reports and in the shared store. Default false: by short keyed hashes. */
  showAddresses?: boolean;
  /**
   * Show the most refused keys in plain text, user ids and addresses among them, in reports and in the shared
   * store. Default false: as short keyed hashes.
   */
  revealKeys?: boolean;
  /** The number of names in each top list (for keys: per rule), 1 to 100. Default 10. */
  top?: number;
  /**
   * The store for the statistics of all instances, a `redisStore()` or an `upstashStore()`. Default: this
   * instance alone.
   */
  store?: Store;
  /** Returns the time in epoch ms. Default `Date.now`. */
  clock?: () => number;
}

/** Statistics: an observer with a report. */
export interface Stats extends Observer {
  /** Counts an event. */
  (event: ThrottleEvent): void;
  /** Counts a response by its status. */
  readonly answered: (status: number) => void;
  /**
   * The report: of all instances that share the store, or of this one without a store or while it cannot be
   * read.
   *
   * @param options `minutes`: the number of last minutes to report one by one, 0 to 1440, the default.
   * @throws {RangeError} If minutes is not such a number.
   */
  read(options?: { minutes?: number }): Promise<StatsReport>;
  /** With a store: writes the gathered counts now, for example before the process exits. Rejects if that fails. */
  flush(): Promise<void>;
}

/** Characters of an error that are kept. */
const ERROR_LENGTH = 200;

const SHARED_STORE = /* @__PURE__ */ having(
  "run",
  "one that instances can share, such as redisStore(), as it must run scripts",
  typeShown,
);

function summaryOf(
  totals: { requests: number; refused: number; shadow_refused: number },
  clients: number,
): StatsSummary {
  return {
    total_requests: totals.requests,
    throttled_requests: totals.refused,
    shadow_throttled_requests: totals.shadow_refused,
    unique_ips: clients,
  };
}

/** How clients and keys are called in reports, and where instances share them. */
interface Names {
  readonly shownClient: (client: string, seed: Seed) => string;
  readonly shownKey: (name: string, seed: Seed) => string;
}

function namesOf(showAddresses: boolean, revealKeys: boolean): Names {
  return {
    shownClient: (client, seed) => showAddresses && isAddress(client) ? client : shortHash(client, seed),
    shownKey(name, seed) {
      if (revealKeys) return name;
      const [rule, key] = partsOf(name);
      return ruleKey(rule, shortHash(key, seed));
    },
  };
}

/** A span of this instance with the names that reports have. */
function named(span: Span, { shownClient, shownKey }: Names, seed: Seed): Span {
  return {
    ...span,
    topClients: span.topClients.map(({ name, count }) => ({ name: shownClient(name, seed), count })),
    topKeys: span.topKeys.map(({ name, count }) => ({ name: shownKey(name, seed), count })),
    topTrialClients: span.topTrialClients.map(({ name, count }) => ({
      name: shownTrialClient(name, shownClient, seed),
      count,
    })),
  };
}

/** How the throttle's store does. */
function storeHealth() {
  const state: StatsStoreHealth = { state: "working", since: null, failures: 0, error: null };
  /** The parts that fail now: nodes of a cluster, single rules, stores of several throttles. */
  let failing = 0;
  return {
    state,
    note({ state: change, at, error }: ThrottleEvent): void {
      if (change === undefined) return;
      const before = state.state;
      // A throttle that is made during an outage hears of its end alone.
      failing = Math.max(0, failing + (change === "failing" ? 1 : -1));
      state.state = failing > 0 ? "failing" : "working";
      if (state.state !== before || state.since === null) state.since = at;
      if (change !== "failing") return;
      state.failures++;
      state.error = (error instanceof Error ? messageOf(error) : shown(error)).slice(0, ERROR_LENGTH);
    },
  };
}

/** The part of a report that covers a span of time. */
function figuresOf({ totals, hours, rules, ...span }: SharedSpan) {
  const byRule: Record<string, StatsRule> = Object.create(null);
  for (const [name, counts] of Object.entries(totals.by_rule)) {
    byRule[name] = { ...counts, ...rules.get(name) ?? { limit: null, window_ms: null, mode: null } };
  }
  const currentHour = hours[hours.length - 1];
  return {
    current_hour: summaryOf(currentHour, currentHour.unique_clients),
    last_24_hours: summaryOf(totals, span.uniqueClients),
    top_throttled_ips: span.topClients.map(({ name, count }) => ({ ip: name, refused: count })),
    top_throttled_keys: span.topKeys.map(({ name, count }) => {
      const [rule, key] = partsOf(name);
      return { rule, key, refused: count };
    }),
    top_throttled_endpoints: span.topRoutes.map(({ name, count }) => ({ endpoint: name, refused: count })),
    top_trial_only_ips: span.topTrialClients.map(({ name, count }) => {
      const [rule, ip] = partsOf(name);
      return { rule, ip, requests: count };
    }),
    top_trial_only_endpoints: span.topTrialRoutes.map(({ name, count }) => {
      const [rule, endpoint] = partsOf(name);
      return { rule, endpoint, requests: count };
    }),
    by_endpoint: totals.by_route,
    by_rule: byRule,
    by_method: totals.by_method,
    by_status: totals.by_status,
    minutes: span.minutes,
    hours,
  };
}

/**
 * Counts the decisions of a throttle over the last 24 hours, per minute and per hour: requests, refusals and
 * distinct clients; by rule, route pattern, method and status; and the most refused clients, keys and routes. Of a rule with a
 * `trial` it counts which of the two refuse, and shows the clients and the routes of requests that only the trial would refuse.
 * `read` returns plain JSON. Memory is bounded under any traffic: about 2 MB, at most 20 MB.
 *
 * Add it to the `observers` of one throttle, or of several side by side. Nested throttles would each count
 * the same request.
 *
 * With a store, the counts of all instances are added up there: every few seconds one script writes a batch,
 * in the background, after the response. A failing store delays nothing, and an instance keeps its counts for
 * a while. Counts that an instance has not written when it exits are lost, unless {@link Stats.flush} was
 * called. All keys expire after 25 hours.
 *
 * @param options See {@link StatsOptions}.
 * @returns The observer, with `read` and `flush`.
 * @throws {TypeError} On an unknown option or an invalid value.
 * @throws {RangeError} If top is not an integer from 1 to 100.
 *
 * @example
 * ```ts
 * import { stats, withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const statistics = stats();
 * const handler = withThrottle(() => new Response("hello"), { rate: "2/min", on: "GET /items/:id" }, {
 *   client: { address: () => "192.0.2.1" },
 *   observers: [statistics],
 * });
 * for (let i = 0; i < 3; i++) await handler(new Request(`https://example.com/items/${i}`));
 *
 * const { current_hour, top_throttled_endpoints } = await statistics.read({ minutes: 60 });
 * equal(current_hour.total_requests, 3);
 * equal(current_hour.throttled_requests, 1);
 * equal(current_hour.unique_ips, 1);
 * equal(top_throttled_endpoints[0].endpoint, "/items/:id");
 * ```
 */
export function stats(options: StatsOptions = {}): Stats {
  requireOptions(
    options,
    {
      showAddresses: BOOLEAN,
      revealKeys: BOOLEAN,
      top: integer(1, 100),
      store: SHARED_STORE,
      clock: FUNCTION,
    },
    "use stats()",
  );
  const { showAddresses = false, revealKeys = false, top = 10, store } = options;
  // The Date of the moment, as for memoryStore().
  const clock = wholeClock(options.clock ?? (() => Date.now()), "stats()");

  const time = timeline();
  const names = namesOf(showAddresses, revealKeys);
  const health = storeHealth();
  const rules = new Map<string, RuleFacts>();
  const shared = store?.run === undefined
    ? null
    : sharing({ run: store.run, showAddresses, revealKeys, unpublished: time.unpublished, rules, ...names });
  const counter = requestCounter({ time, clock, rules, shared });

  function observe(event: ThrottleEvent): void {
    if (event.type === "allowed" || event.type === "denied") counter.count(event, event.type === "denied");
    else if (event.type === "store") health.note(event);
  }

  function answered(status: number): void {
    if (time.current === null) return;
    time.add(time.idOf("status", String(status)), REQUESTS);
    shared?.touch(time.current, clock(), []);
  }

  async function read({ minutes = MINUTES }: { minutes?: number } = {}): Promise<StatsReport> {
    requireOptions({ minutes }, { minutes: integer(0, MINUTES) }, "use stats()");
    const now = clock();
    const everybody = await shared?.read(now, minutes, top).catch(() => null) ?? null;
    const span = everybody ??
      { ...named(time.span(now, minutes, top), names, shared?.seed ?? counter.seed), rules };
    return {
      at: now,
      scope: everybody === null ? "instance" : "shared",
      ...figuresOf(span),
      instance: { since: counter.since, ...time.totals() },
      store: { ...health.state },
    };
  }

  return Object.assign(observe, {
    answered,
    read,
    flush: async (): Promise<void> => await shared?.flush(),
  });
}
