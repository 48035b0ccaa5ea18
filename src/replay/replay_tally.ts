/**
 * The counts of all rules in a replay.
 *
 * @module
 */

import type { Exchange } from "../exchange/exchange.ts";
import { isOpen } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { add, most } from "./counts.ts";
import { Growing } from "./growing.ts";
import { Limitations } from "./limitations.ts";
import type { LoggedRequest, LogSummary } from "./logged_request.ts";
import { OverTime } from "./over_time.ts";
import type { ReplayReport, ServersRefusals } from "./replay_report.ts";
import { RuleTally } from "./rule_tally.ts";

/** The statuses by which a server says that a request is unwanted. */
const UNWANTED = [401, 403, 429];

/** The counts of one address. */
interface ClientCounts {
  readonly address: string;
  readonly requests: number;
  readonly refused: number;
  /** Which of {@link UNWANTED} it was answered with, one bit for each. */
  readonly unwanted: number;
}

/** Counts of addresses, in columns by their numbers. */
class ClientTally {
  readonly #addresses: (string | undefined)[] = [];
  readonly #requests = new Growing();
  readonly #refused = new Growing();
  readonly #unwanted = new Growing();

  /** @param unwanted The index of the answer in {@link UNWANTED}, or -1. */
  add(client: number, address: string, refused: boolean, unwanted: number): void {
    if (this.#requests.add(client, 1) === 1) this.#addresses[client] = address;
    if (refused) this.#refused.add(client, 1);
    if (unwanted !== -1) this.#unwanted.set(client, this.#unwanted.get(client) | 1 << unwanted);
  }

  /** One after the other: a list of all of them would take more room than these columns. */
  *[Symbol.iterator](): Iterator<ClientCounts> {
    for (let client = 0; client < this.#addresses.length; client++) {
      const address = this.#addresses[client];
      if (address === undefined) continue;
      yield {
        address,
        requests: this.#requests.get(client),
        refused: this.#refused.get(client),
        unwanted: this.#unwanted.get(client),
      };
    }
  }

  /** The number of requests of each. */
  requests(): Uint32Array {
    return this.#requests.nonZero();
  }
}

/** Counts of a replay. */
export class ReplayTally {
  readonly #rules: readonly RuleTally[];
  readonly #limitations: Limitations;
  readonly #clients = new ClientTally();
  readonly #statuses = new Map<number, number>();
  readonly #unwanted = UNWANTED.map(() => ({ requests: 0, refused: 0 }));
  readonly #overTime = new OverTime();
  #requests = 0;
  #refused = 0;
  #from = Infinity;
  #to = -Infinity;

  readonly #maxKeys: number;

  /** @param maxKeys How many keys the store holds. */
  constructor(rules: readonly PreparedRule[], maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.#rules = rules.map((rule) => new RuleTally(rule));
    this.#limitations = new Limitations({
      needsEnds: rules.some((rule) => rule.implementation.heldWhileRunning === true),
      windowsMs: rules.flatMap(({ windowMs, implementation }) =>
        implementation.heldWhileRunning ? [] : windowMs ?? []
      ),
    });
  }

  /** A request whose rules have been asked. */
  add(logged: LoggedRequest, client: number, exchange: Exchange, refused: boolean): void {
    this.#note(logged, client, refused);
    for (const check of exchange.checks) {
      if (isOpen(check)) continue;
      this.#rules[check.rule.index].add(logged.at, client, check.partition, !check.allowed, exchange);
    }
  }

  /** A request about which a rule could not be asked. It is not refused. */
  addFailed(logged: LoggedRequest, client: number, error: unknown): void {
    this.#note(logged, client, false);
    this.#limitations.addFailed(error);
  }

  #note(logged: LoggedRequest, client: number, refused: boolean): void {
    const { at, status = 0, address } = logged;
    this.#requests++;
    if (at < this.#from) this.#from = at;
    if (at > this.#to) this.#to = at;
    this.#limitations.add(logged);
    this.#overTime.add(this.#to, refused);
    if (refused) {
      this.#refused++;
      add(this.#statuses, status);
    }
    const unwanted = status < 400 ? -1 : UNWANTED.indexOf(status);
    if (unwanted !== -1) {
      this.#unwanted[unwanted].requests++;
      if (refused) this.#unwanted[unwanted].refused++;
    }
    if (address !== null) this.#clients.add(client, address, refused, unwanted);
  }

  #serversRefusals(): ServersRefusals[] {
    const counts = UNWANTED.map((status, i) => (
      { status, ...this.#unwanted[i], clients: 0, refusedClients: 0 }
    ));
    for (const { refused, unwanted } of this.#clients) {
      for (let i = 0; i < UNWANTED.length; i++) {
        if ((unwanted & 1 << i) === 0) continue;
        counts[i].clients++;
        if (refused > 0) counts[i].refusedClients++;
      }
    }
    return counts.filter(({ requests }) => requests > 0);
  }

  report(summary: LogSummary | undefined): ReplayReport {
    const isoTime = (at: number): string | null => Number.isFinite(at) ? new Date(at).toISOString() : null;
    const refusedClients: ClientCounts[] = [];
    for (const client of this.#clients) if (client.refused > 0) refusedClients.push(client);
    const requests = this.#clients.requests();
    const { stepMs, steps } = this.#overTime;
    return {
      lines: summary?.lines ?? this.#requests,
      requests: this.#requests,
      broken: summary?.broken ?? 0,
      ...{ from: isoTime(this.#from), to: isoTime(this.#to) },
      ...{ clients: requests.length, refused: this.#refused },
      refusedClients: refusedClients.length,
      refusedByStatus: Object.fromEntries(
        [...this.#statuses].map(([status, count]) => [status === 0 ? "unknown" : String(status), count]),
      ),
      serversRefusals: this.#serversRefusals(),
      failed: this.#limitations.failed,
      worst: most(
        refusedClients.map((client) => [client.address, client] as const),
        ({ refused }) => refused,
      ).map(([key, { requests, refused }]) => ({ key, requests, refused })),
      overTime: { stepMs, steps: steps.map((step) => ({ ...step, at: new Date(step.at).toISOString() })) },
      rules: this.#rules.map((rule) => rule.report()),
      limitations: [...this.#limitations.sentences(requests, summary), ...this.#fullness()],
    };
  }

  #fullness(): string[] {
    const keys = this.#rules.reduce((sum, { keys }) => sum + keys, 0);
    return keys <= this.#maxKeys ? [] : [
      `The rules have ${keys} keys, and a replay holds ${this.#maxKeys} at once: where more are in use, the counts are estimates.`,
    ];
  }
}
