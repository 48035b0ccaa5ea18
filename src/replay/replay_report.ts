/**
 * The report of a replay.
 *
 * @module
 */

import type { Mode } from "../decision.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { isOpen } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { Limitations } from "./limitations.ts";
import type { LoggedRequest, LogSummary } from "./logged_request.ts";

/** How many keys and routes a report names. */
const MOST_NAMED = 20;

const HOUR_MS = 3_600_000;

/** The counts of one rule in a replay. */
export interface ReplayedRule {
  /** Its name. */
  rule: string;
  /** Whether it refuses. A rule in shadow mode has its counts here, and none among the refused requests of all rules. */
  mode: Mode;
  /** Requests that the rule applies to, and that no rule of an earlier stage refused. */
  asked: number;
  /** Requests that it refused; of a request that several rules refuse, each counts one. */
  refused: number;
  /** Keys that were asked about. */
  clients: number;
  /** Keys that were refused at least once. */
  refusedClients: number;
  /** The keys that were refused most often, most first. They are readable: the log is the operator's own. */
  worst: { key: string; refused: number }[];
  /** The paths where requests were refused, most first; numbers and identifiers in them are `:id`. */
  byRoute: { route: string; refused: number }[];
  /** The hours in which there were requests, in their order; `at` is the hour's start in ISO 8601. */
  byHour: { at: string; asked: number; refused: number }[];
}

/** The counts of a replay: the requests of a log that rules would have refused. It is JSON as it is; times are ISO 8601. */
export interface ReplayReport {
  /** Lines of the log; the number of requests where it is not {@link readLog} that gave them. */
  lines: number;
  /** Requests that were replayed. */
  requests: number;
  /** Lines that are no request. */
  broken: number;
  /** When the first request began; null where there is none. */
  from: string | null;
  /** When the last request began; null where there is none. */
  to: string | null;
  /** Addresses. */
  clients: number;
  /** Requests that at least one rule refused. */
  refused: number;
  /** Addresses of which at least one request was refused. */
  refusedClients: number;
  /** How the server answered the refused requests, by status. */
  refusedByStatus: Record<string, number>;
  /** Requests that no rule could be asked about, as a function of a rule threw: they are answered with an error. */
  failed: number;
  /** The counts of each rule, in rule order. */
  rules: ReplayedRule[];
  /** The limitations of this log, in sentences. */
  limitations: string[];
}

/** A path without the parts that differ from one object to the next. */
function routeOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  const path = start === -1 ? "/" : url.slice(start, end === -1 ? undefined : start + end);
  return path.slice(0, 200).replace(/\/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,})(?=\/|$)/gi, "/:id");
}

function add<K>(counts: Map<K, number>, key: K, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** The entries with the greatest counts, greatest first; equals by name. */
function most(counts: ReadonlyMap<string, number>, count: number = MOST_NAMED): [string, number][] {
  return [...counts].filter(([, each]) => each > 0)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : a > b ? 1 : 0)).slice(0, count);
}

/** Counts of one rule. */
class RuleTally {
  asked = 0;
  refused = 0;
  readonly #rule: PreparedRule;
  readonly #refusedOf = new Map<string, number>();
  readonly #routes = new Map<string, number>();
  readonly #hours = new Map<number, { asked: number; refused: number }>();
  #hour = { asked: 0, refused: 0 };
  #hourStart = NaN;

  constructor(rule: PreparedRule) {
    this.#rule = rule;
  }

  add(at: number, partition: string, refused: boolean, exchange: Exchange): void {
    this.asked++;
    const start = Math.floor(at / HOUR_MS) * HOUR_MS;
    if (start !== this.#hourStart) {
      this.#hourStart = start;
      this.#hour = this.#hours.get(start) ?? { asked: 0, refused: 0 };
      this.#hours.set(start, this.#hour);
    }
    this.#hour.asked++;
    if (refused) {
      this.refused++;
      this.#hour.refused++;
      add(this.#refusedOf, partition);
      add(this.#routes, exchange.matched.pattern ?? routeOf(exchange.request.url));
    } else if (!this.#refusedOf.has(partition)) this.#refusedOf.set(partition, 0);
  }

  report(): ReplayedRule {
    const { name: rule, mode } = this.#rule;
    let refusedClients = 0;
    for (const refused of this.#refusedOf.values()) if (refused > 0) refusedClients++;
    return {
      ...{ rule, mode, asked: this.asked, refused: this.refused },
      ...{ clients: this.#refusedOf.size, refusedClients },
      worst: most(this.#refusedOf).map(([key, refused]) => ({ key, refused })),
      byRoute: most(this.#routes).map(([route, refused]) => ({ route, refused })),
      byHour: [...this.#hours].map(([at, counts]) => ({ at: new Date(at).toISOString(), ...counts })),
    };
  }
}

/** Counts of a replay. */
export class ReplayTally {
  readonly #rules: readonly RuleTally[];
  readonly #limitations: Limitations;
  readonly #refusedOf = new Map<string, number>();
  readonly #statuses = new Map<number, number>();
  #requests = 0;
  #refused = 0;
  #from = Infinity;
  #to = -Infinity;

  constructor(rules: readonly PreparedRule[]) {
    this.#rules = rules.map((rule) => new RuleTally(rule));
    this.#limitations = new Limitations(rules);
  }

  /** A request whose rules have been asked. */
  add(logged: LoggedRequest, exchange: Exchange, refused: boolean): void {
    this.#note(logged, refused);
    for (const check of exchange.checks) {
      if (isOpen(check)) continue;
      this.#rules[check.rule.index].add(logged.at, check.partition, !check.allowed, exchange);
    }
  }

  /** A request about which a rule could not be asked. */
  addFailed(logged: LoggedRequest, error: unknown): void {
    this.#note(logged, false);
    this.#limitations.addFailed(error);
  }

  #note(logged: LoggedRequest, refused: boolean): void {
    this.#requests++;
    this.#from = Math.min(this.#from, logged.at);
    this.#to = Math.max(this.#to, logged.at);
    this.#limitations.add(logged);
    if (refused) {
      this.#refused++;
      add(this.#statuses, logged.status ?? 0);
    }
    if (logged.address !== null) add(this.#refusedOf, logged.address, refused ? 1 : 0);
  }

  report(summary: LogSummary | undefined): ReplayReport {
    const isoTime = (at: number): string | null => Number.isFinite(at) ? new Date(at).toISOString() : null;
    let refusedClients = 0;
    for (const refused of this.#refusedOf.values()) if (refused > 0) refusedClients++;
    return {
      lines: summary?.lines ?? this.#requests,
      requests: this.#requests,
      broken: summary?.broken ?? 0,
      ...{ from: isoTime(this.#from), to: isoTime(this.#to) },
      ...{ clients: this.#refusedOf.size, refused: this.#refused, refusedClients },
      refusedByStatus: Object.fromEntries(
        [...this.#statuses].map(([status, count]) => [status === 0 ? "unknown" : String(status), count]),
      ),
      failed: this.#limitations.failed,
      rules: this.#rules.map((rule) => rule.report()),
      limitations: this.#limitations.sentences(),
    };
  }
}
