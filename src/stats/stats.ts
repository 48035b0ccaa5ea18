/**
 * Statistics over the last 24 hours: which clients are throttled, where, and how much.
 *
 * @module
 */

import { addressKey } from "../client/address.ts";
import { hasNumbers, refuses } from "../decision.ts";
import { ExchangeEvent, type Observer, type ThrottleEvent } from "../observers/events.ts";
import { keyedHash, randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import { shown } from "../cannot.ts";
import { BOOLEAN, FUNCTION, having, integer, requireOptions } from "../options.ts";
import type { Store } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";
import {
  type Kind,
  NEAR_LIMIT,
  REFUSED,
  REQUESTS,
  SHADOW_REFUSED,
  type StatsReport,
  type StatsRule,
  type StatsStoreHealth,
  type StatsSummary,
} from "./report.ts";
import { partsOf, ruleKey, shortKey } from "./rule_key.ts";
import type { RuleFacts, SharedSpan } from "./shared_span.ts";
import { sharing } from "./sharing.ts";
import { MAX_NAMES, OTHER } from "./subjects.ts";
import { MINUTES, timeline } from "./timeline.ts";

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

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]);
/** The route of requests that match no pattern of a rule. */
const ANY_ROUTE = "*";
/** The prefix of a client without an address. */
const NO_ADDRESS = "\0";
/** The longest kept error, in characters. */
const ERROR_LENGTH = 200;

const SHARED_STORE = /* @__PURE__ */ having(
  "run",
  "one that instances can share, such as redisStore(), as it must run scripts",
);

/**
 * The sender of a request: its address, with an IPv6 network as one; without an address, the key of its first
 * rule.
 */
function clientOf(exchange: Exchange): string | null {
  let address: string | null = null;
  try {
    ({ address } = exchange);
  } catch {
    // The user's own address function failed. If a rule needs the address, that rule reports the error.
  }
  if (address !== null) return address.includes(":") ? addressKey(address) : address;
  const [check] = exchange.checks;
  return check === undefined ? null : NO_ADDRESS + shortKey(check.partition);
}

/** The rules that refused a request, each with its key. */
function keysOf({ rule, key }: ThrottleEvent, exchange: Exchange | undefined): readonly string[] {
  if (exchange !== undefined) {
    return exchange.checks.filter(refuses).map((check) =>
      ruleKey(check.rule.name, shortKey(check.partition))
    );
  }
  return rule === undefined || key === undefined ? [] : [ruleKey(rule, shortKey(key))];
}

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

/**
 * Counts the decisions of a throttle over the last 24 hours, per minute and per hour: requests, refusals and
 * distinct clients; by rule, route pattern, method and status; and the most refused clients, keys and routes.
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
  const { showAddresses = false, revealKeys = false, top = 10, store, clock = Date.now } = options;

  const time = timeline();
  const rules = new Map<string, RuleFacts>();
  const health: StatsStoreHealth = { state: "working", since: null, failures: 0, error: null };
  const halves = new Int32Array(2);
  let seed: Seed | null = null;
  let since: number | null = null;

  const shownClient = (client: string, seed: Seed): string =>
    showAddresses && !client.startsWith(NO_ADDRESS) ? client : shortHash(client, seed);
  const shownKey = (name: string, seed: Seed): string => {
    if (revealKeys) return name;
    const [rule, key] = partsOf(name);
    return ruleKey(rule, shortHash(key, seed));
  };
  const unpublished = time.unpublished;
  const shared = store?.run === undefined
    ? null
    : sharing({ run: store.run, showAddresses, revealKeys, unpublished, rules, shownClient, shownKey });

  /** Counts each rule's decision. Returns true if one in shadow mode would have refused. */
  function countRules({ decisions }: ThrottleEvent): boolean {
    let shadowed = false;
    for (const decision of decisions) {
      const { rule, limit, windowMs, mode, allowed, remaining } = decision;
      const known = rules.get(rule);
      if (known?.limit !== limit || known.window_ms !== windowMs || known.mode !== mode) {
        if (known !== undefined || rules.size < MAX_NAMES.rule) {
          rules.set(rule, { limit, window_ms: windowMs, mode });
        }
      }
      const id = time.idOf("rule", rule);
      time.add(id, REQUESTS);
      if (refuses(decision)) time.add(id, REFUSED);
      else if (!allowed) time.add(id, SHADOW_REFUSED);
      else if (remaining * 10 <= limit && hasNumbers(decision)) time.add(id, NEAR_LIMIT);
      shadowed ||= !allowed && mode === "shadow";
    }
    return shadowed;
  }

  function countAs(kind: Kind, name: string, refused: boolean, shadowed: boolean): void {
    const id = time.idOf(kind, name);
    time.add(id, REQUESTS);
    if (refused) time.add(id, REFUSED);
    if (shadowed) time.add(id, SHADOW_REFUSED);
  }

  function count(event: ThrottleEvent, refused: boolean): void {
    const now = clock();
    const minute = time.enter(now);
    since ??= now;
    const route = event.route ?? ANY_ROUTE;
    const shadowed = countRules(event);
    countAs("total", "", refused, shadowed);
    countAs("route", route, refused, shadowed);
    countAs("method", METHODS.has(event.method) ? event.method : OTHER, refused, shadowed);

    const exchange = ExchangeEvent.exchange(event);
    const client = exchange === undefined ? event.key ?? null : clientOf(exchange);
    if (client !== null) {
      keyedHash(client, seed ??= randomSeed(), halves);
      time.seen(halves[0], halves[1]);
    }
    const refusal = refused ? { client, route, keys: keysOf(event, exchange) } : null;
    if (refusal !== null) time.refused(refusal);
    if (shared === null) return;
    shared.note(minute, client, refusal);
    shared.touch(minute, now, exchange?.platform ?? []);
  }

  function observe(event: ThrottleEvent): void {
    if (event.type === "allowed" || event.type === "denied") count(event, event.type === "denied");
    else if (event.type === "store" && event.state !== undefined) {
      health.state = event.state === "failing" ? "failing" : "working";
      health.since = event.at;
      if (event.state !== "failing") return;
      health.failures++;
      const { error } = event;
      health.error = (error instanceof Error ? error.message : shown(error)).slice(0, ERROR_LENGTH);
    }
  }

  function answered(status: number): void {
    if (time.current === null) return;
    time.add(time.idOf("status", String(status)), REQUESTS);
    shared?.touch(time.current, clock(), []);
  }

  function local(now: number, minutes: number): SharedSpan {
    const span = time.span(now, minutes, top);
    const known = (): Seed => shared?.seed ?? (seed ??= randomSeed());
    return {
      ...span,
      topClients: span.topClients.map(({ name, count }) => ({ name: shownClient(name, known()), count })),
      topKeys: span.topKeys.map(({ name, count }) => ({ name: shownKey(name, known()), count })),
      rules,
    };
  }

  async function read({ minutes = MINUTES }: { minutes?: number } = {}): Promise<StatsReport> {
    requireOptions({ minutes }, { minutes: integer(0, MINUTES) }, "use stats()");
    const now = clock();
    const everybody = await shared?.read(now, minutes, top).catch(() => null) ?? null;
    const { totals, hours, rules, ...span } = everybody ?? local(now, minutes);
    const byRule: Record<string, StatsRule> = Object.create(null);
    for (const [name, counts] of Object.entries(totals.by_rule)) {
      byRule[name] = { ...counts, ...rules.get(name) ?? { limit: null, window_ms: null, mode: null } };
    }
    const currentHour = hours[hours.length - 1];
    return {
      at: now,
      scope: everybody === null ? "instance" : "shared",
      current_hour: summaryOf(currentHour, currentHour.unique_clients),
      last_24_hours: summaryOf(totals, span.uniqueClients),
      top_throttled_ips: span.topClients.map(({ name, count }) => ({ ip: name, refused: count })),
      top_throttled_keys: span.topKeys.map(({ name, count }) => {
        const [rule, key] = partsOf(name);
        return { rule, key, refused: count };
      }),
      top_throttled_endpoints: span.topRoutes.map(({ name, count }) => ({ endpoint: name, refused: count })),
      by_endpoint: totals.by_route,
      by_rule: byRule,
      by_method: totals.by_method,
      by_status: totals.by_status,
      minutes: span.minutes,
      hours,
      instance: { since, ...time.totals() },
      store: { ...health },
    };
  }

  return Object.assign(observe, {
    answered,
    read,
    flush: async (): Promise<void> => await shared?.flush(),
  });
}
