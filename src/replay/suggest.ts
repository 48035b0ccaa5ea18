/**
 * Limits that the requests of a log suggest.
 *
 * @module
 */

import { compileAddressKey } from "../client/address.ts";
import { durationMs } from "../duration.ts";
import { type Demand, requireOptions } from "../options.ts";
import { compileMatch } from "../rules/match.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import type { LoggedRequest } from "./logged_request.ts";
import { Peaks } from "./peaks.ts";
import { ReplayedRequest } from "./replayed_request.ts";

/** The key by which requests count together: the address as `byIp()` has it (IPv6 by its /64), or the user that the log names. */
export type SuggestKey = "ip" | "user";

/** Options of {@link suggest}. */
export interface SuggestOptions {
  /** The keys by which requests count together. Default: "ip", and "user" where the log names users. */
  keys?: readonly SuggestKey[];
  /** The windows, as in rates. Default `["1s", "10s", "1min", "10min", "1h", "1d"]`. */
  windows?: readonly string[];
  /** Which requests count, as patterns of a rule's `on`; "*" is every request. Default `["*"]`. */
  routes?: readonly string[];
}

/** The limits that a log suggests for one key, one route and one window. */
export interface Suggestion {
  /** The key by which requests count together. */
  key: SuggestKey;
  /** Which requests count; "*": all. */
  route: string;
  /** The window, as in rates. */
  window: string;
  /** Clients with at least one such request. */
  clients: number;
  /** The smallest limit that at least half of the clients never exceed, within any span of the window's length. */
  p50: number;
  /** The same for 99 % of the clients. */
  p99: number;
  /** The same for 99.9 % of the clients. */
  p999: number;
  /** The smallest limit that no client ever exceeds. */
  max: number;
  /** A rule with the limit that 99.9 % of the clients never exceed, as text to paste. */
  rule: string;
  /** How many clients exceed that limit within some window: a sliding log refuses each of them, a fixed window at most these. */
  touched: number;
}

/** The result of {@link suggest}. */
export interface Suggestions {
  /** Requests of the log. */
  requests: number;
  /** One for each key, route and window, in that order; none for a key and a route without a request. */
  suggestions: Suggestion[];
}

const WINDOWS = ["1s", "10s", "1min", "10min", "1h", "1d"];
const KEYS: readonly SuggestKey[] = ["ip", "user"];
const KEY_TEXTS: Readonly<Record<SuggestKey, string>> = { ip: "byIp()", user: "byUser()" };

/** The clients of one key and one route. */
class Clients {
  readonly key: SuggestKey;
  readonly route: string;
  readonly #peaks = new Map<string, Peaks>();
  readonly #windowsMs: readonly number[];

  constructor(key: SuggestKey, route: string, windowsMs: readonly number[]) {
    this.key = key;
    this.route = route;
    this.#windowsMs = windowsMs;
  }

  add(client: string, at: number): void {
    let peaks = this.#peaks.get(client);
    if (peaks === undefined) {
      peaks = new Peaks(this.#windowsMs);
      this.#peaks.set(client, peaks);
    }
    peaks.add(at);
  }

  suggestions(windows: readonly string[]): Suggestion[] {
    const clients = this.#peaks.size;
    if (clients === 0) return [];
    return windows.map((window, i) => {
      const most = Float64Array.from([...this.#peaks.values()], (peaks) => peaks.most[i]).sort();
      /** The limit that this many of a thousand clients never exceed. */
      const limitFor = (perMille: number): number => most[Math.ceil(clients * perMille / 1000) - 1];
      const p999 = limitFor(999);
      return {
        ...{ key: this.key, route: this.route, window, clients },
        ...{ p50: limitFor(500), p99: limitFor(990), p999, max: most[clients - 1] },
        rule: this.#ruleText(p999, window),
        touched: most.filter((each) => each > p999).length,
      };
    });
  }

  #ruleText(limit: number, window: string): string {
    const rate = `${limit}/${window.replace(/^1(?=[a-z])/, "")}`;
    const on = this.route === "*" ? "" : `, on: ${JSON.stringify(this.route)}`;
    return `{ name: ${JSON.stringify(`${this.key}-${window}`)}, rate: "${rate}", key: ${
      KEY_TEXTS[this.key]
    }${on} }`;
  }
}

/** Finds which of some routes a request has. */
function compileRoutes(routes: readonly string[]): (logged: LoggedRequest) => readonly number[] {
  if (routes.every((route) => route === "*")) {
    const all = routes.map((_, i) => i);
    return () => all;
  }
  const rules = prepareRules(
    routes.map((route, i) => ({ name: `route-${i}`, rate: "1/s", ...route === "*" ? {} : { on: route } })),
  );
  const match = compileMatch(rules);
  return (logged) =>
    match(new ReplayedRequest(logged) as unknown as Request).before.map(({ index }) => index);
}

/** The demand for a list of at least one item that holds. */
const atLeastOne = (what: string, holds: (item: unknown) => boolean): Demand => ({
  must: `a list of at least one ${what}`,
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(holds),
});

const isText = (item: unknown): boolean => typeof item === "string";

const DEMANDS = {
  keys: atLeastOne(`key, "ip" or "user"`, (item) => KEYS.includes(item as SuggestKey)),
  windows: atLeastOne("window", isText),
  routes: atLeastOne("pattern", isText),
};

/**
 * Suggests limits from the requests of a log: of each client the most requests in any window's length, exactly, for several
 * windows in one pass; from that the limits that leave most clients untouched.
 *
 * `fixedWindow()` and `slidingLog()` refuse nobody who never exceeds a limit so found. `gcra()` refuses earlier within a window
 * where its burst is smaller than the limit.
 *
 * @param requests Requests in the order of their times, as {@link readLog} gives them.
 * @param options See {@link SuggestOptions}.
 * @returns Suggestions for each key, route and window.
 * @throws {TypeError | RangeError} When an option cannot be used.
 *
 * @example
 * ```ts
 * import { suggest } from "@weir/throttle/replay";
 * import { equal } from "node:assert/strict";
 *
 * const requests = [0, 100, 200, 70_000].map((at) => (
 *   { at, method: "GET", url: "http://localhost/", address: "192.0.2.1" }
 * ));
 * const { suggestions } = await suggest(requests, { windows: ["1min"] });
 * equal(suggestions[0].max, 3);
 * equal(suggestions[0].rule, '{ name: "ip-1min", rate: "3/min", key: byIp() }');
 * ```
 */
export async function suggest(
  requests: AsyncIterable<LoggedRequest> | Iterable<LoggedRequest>,
  options: SuggestOptions = {},
): Promise<Suggestions> {
  requireOptions(options, DEMANDS, "suggest limits");
  const { keys = KEYS, windows = WINDOWS, routes = ["*"] } = options;
  const windowsMs = windows.map((window) => durationMs(window, "suggest()", "each of its windows"));
  const routesOf = compileRoutes(routes);
  const keyOfAddress = compileAddressKey();
  const clientsBy = (key: SuggestKey): Clients[] =>
    keys.includes(key) ? routes.map((route) => new Clients(key, route, windowsMs)) : [];
  const byIp = clientsBy("ip");
  const byUser = clientsBy("user");
  let count = 0;
  let now = -Infinity;
  for await (const logged of requests) {
    count++;
    now = Math.max(now, logged.at);
    for (const index of routesOf(logged)) {
      if (logged.address !== null) byIp[index]?.add(keyOfAddress(logged.address), now);
      if (logged.identity) byUser[index]?.add(logged.identity.id, now);
    }
  }
  const found = { ip: byIp, user: byUser };
  return {
    requests: count,
    suggestions: [...new Set(keys)].flatMap((key) => found[key]).flatMap((each) => each.suggestions(windows)),
  };
}
