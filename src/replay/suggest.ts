/**
 * Limits that the requests of a log suggest.
 *
 * @module
 */

import { compileAddressKey } from "../client/address.ts";
import { type Duration, durationMs } from "../duration.ts";
import { type Demand, requireOptions } from "../options.ts";
import { spanText } from "../rules/default_name.ts";
import { compileMatch } from "../rules/match.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import { eachRequest } from "./each_request.ts";
import { Growing } from "./growing.ts";
import { Limitations } from "./limitations.ts";
import type { LoggedRequest } from "./logged_request.ts";
import type { LoggedRequests } from "./read_log.ts";
import { Peaks } from "./peaks.ts";
import { ReplayedRequest } from "./replayed_request.ts";
import { Texts } from "./texts.ts";

/**
 * The key by which requests count together: the address as `byIp()` has it (IPv6 by its /64), the user that the log names, or the
 * API key that it has.
 */
export type SuggestKey = "ip" | "user" | "api-key";

/** Options of {@link suggest}. */
export interface SuggestOptions {
  /** The keys by which requests count together. Default: each that the log has. */
  keys?: readonly SuggestKey[];
  /** The windows, as in rates. Default `["1s", "10s", "1min", "10min", "1h", "1d"]`. */
  windows?: readonly Duration[];
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
  /** How many requests the rule would have refused. */
  refused: number;
  /** How many clients exceed each limit, at most 200 limits, the smallest first; the last one touches none. */
  curve: { limit: number; touched: number }[];
}

/** The result of {@link suggest}. */
export interface Suggestions {
  /** Requests of the log. */
  requests: number;
  /** One for each key, route and window, in that order; none for a key and a route without a request. */
  suggestions: Suggestion[];
  /** The limitations of this log, in sentences. */
  limitations: string[];
}

const WINDOWS = ["1s", "10s", "1min", "10min", "1h", "1d"];
const KEYS: readonly SuggestKey[] = ["ip", "user", "api-key"];

/** The key of a rule as text. byApiKey() alone counts requests without a key as well, by their addresses. */
const KEY_TEXTS: Readonly<Record<SuggestKey, string>> = {
  ip: "key: byIp()",
  user: "key: byUser()",
  "api-key": 'key: byApiKey(), unless: ({ request }) => !request.headers.has("x-api-key")',
};

/** Of fewer clients than a thousand, 99.9 % are all. */
const FEW_CLIENTS =
  "Of fewer than 1000 clients 99.9 % are all of them: such a rule refuses nobody, robots included. Take twice the limit of 99 %, " +
  "and replay the log under it.";

/** More limits than these are no curve that anybody sees. */
const MAX_LIMITS = 200;

/** How many clients exceed each limit, by the most requests of each client, ascending. */
function curveOf(most: Uint32Array): { limit: number; touched: number }[] {
  const points: { limit: number; touched: number }[] = [];
  for (let i = 0; i < most.length; i++) {
    if (most[i] !== most[i + 1]) points.push({ limit: most[i], touched: most.length - 1 - i });
  }
  const step = Math.ceil(points.length / MAX_LIMITS);
  return points.filter((_, i) => (points.length - 1 - i) % step === 0);
}

/** A route within the name of a rule: "POST-login", "api-all". */
function routeText(route: string): string {
  return route.replaceAll("*", "all").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
}

/** The room for all of a name but for a number behind it: a name has at most 64 characters. */
const MAX_CHARACTERS = 60;

/** A name of these parts that none has yet: rules that are pasted together need names of their own. */
function newName(parts: readonly string[], window: string, taken: Set<string>): string {
  const end = `-${window.replace(/\s+/g, "")}`;
  const start = parts.join("-").slice(0, MAX_CHARACTERS - end.length);
  let name = start + end;
  for (let n = 2; taken.has(name); n++) name = `${start}-${n}${end}`;
  taken.add(name);
  return name;
}

/** The clients of one key and one route. */
class Clients {
  readonly key: SuggestKey;
  readonly route: string;
  readonly #peaks: Peaks;

  constructor(key: SuggestKey, route: string, windowsMs: readonly number[]) {
    this.key = key;
    this.route = route;
    this.#peaks = new Peaks(windowsMs);
  }

  /** @param client The number of its key. */
  add(client: number, at: number): void {
    this.#peaks.add(client, at);
  }

  /** @param taken The names of rules so far. */
  suggestions(windows: readonly string[], taken: Set<string>): Suggestion[] {
    return this.#peaks.clients === 0 ? [] : windows.map((window, i) => this.#suggestion(window, i, taken));
  }

  #suggestion(window: string, index: number, taken: Set<string>): Suggestion {
    const { clients } = this.#peaks;
    const most = this.#peaks.most(index);
    const sorted = most.slice().sort().subarray(most.length - clients);
    /** The limit that this many of a thousand clients never exceed. */
    const limitFor = (perMille: number): number => sorted[Math.ceil(clients * perMille / 1000) - 1];
    const p999 = limitFor(999);
    let touched = 0;
    let refused = 0;
    for (let client = 0; client < most.length; client++) {
      if (most[client] <= p999) continue;
      touched++;
      refused += this.#peaks.refusedByFixedWindow(client, index, p999);
    }
    return {
      ...{ key: this.key, route: this.route, window, clients },
      ...{ p50: limitFor(500), p99: limitFor(990), p999, max: limitFor(1000) },
      ...{ rule: this.#ruleText(p999, window, taken), touched, refused, curve: curveOf(sorted) },
    };
  }

  #ruleText(limit: number, window: string, taken: Set<string>): string {
    const rate = `${limit}/${window.replace(/^1(?=[a-z])/, "")}`;
    const isAll = this.route === "*";
    const on = isAll ? "" : `, on: ${JSON.stringify(this.route)}`;
    const name = newName([this.key, ...isAll ? [] : [routeText(this.route)]], window, taken);
    return `{ name: "${name}", rate: "${rate}"${on}, ${KEY_TEXTS[this.key]} }`;
  }
}

/** Finds which of some routes a request has, once for each method and URL. */
function compileRoutes(
  routes: readonly string[],
): (logged: LoggedRequest, target: number) => readonly number[] {
  if (routes.every((route) => route === "*")) {
    const all = routes.map((_, i) => i);
    return () => all;
  }
  const rules = prepareRules(
    routes.map((route, i) => ({ name: `route-${i}`, rate: "1/s", ...route === "*" ? {} : { on: route } })),
  );
  const match = compileMatch(rules);
  const known: (readonly number[] | undefined)[] = [];
  return (logged, target) =>
    known[target] ??= match(new ReplayedRequest(logged) as unknown as Request).before
      .map(({ index }) => index);
}

/** The demand for a list of at least one item that holds. */
const atLeastOne = (what: string, holds: (item: unknown) => boolean): Demand => ({
  must: `a list of at least one ${what}`,
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(holds),
});

const isText = (item: unknown): boolean => typeof item === "string";

const DEMANDS = {
  keys: atLeastOne(`key, "ip", "user" or "api-key"`, (item) => KEYS.includes(item as SuggestKey)),
  windows: atLeastOne("window", (item) => isText(item) || typeof item === "number"),
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
  const names = windows.map((window, i) => typeof window === "number" ? spanText(windowsMs[i]) : window);
  const routesOf = compileRoutes(routes);
  const keyOfAddress = compileAddressKey();
  const clientsBy = (key: SuggestKey): Clients[] =>
    keys.includes(key) ? routes.map((route) => new Clients(key, route, windowsMs)) : [];
  const found = { ip: clientsBy("ip"), user: clientsBy("user"), "api-key": clientsBy("api-key") };
  const [ips, users, apiKeys] = [new Texts(), new Texts(), new Texts()];
  /** By the number of an address, that of its key, and its requests. */
  const ipOf = new Growing();
  const requestsOf = new Growing();
  const limitations = new Limitations({ needsEnds: false, windowsMs });
  let count = 0;
  let now = -Infinity;

  function ipNumber(address: string, client: number): number {
    requestsOf.add(client, 1);
    const known = ipOf.get(client);
    if (known !== 0) return known;
    const number = ips.numberOf(keyOfAddress(address));
    ipOf.set(client, number);
    return number;
  }

  await eachRequest(requests, (logged, client, target) => {
    const { at, address, identity, headers } = logged;
    count++;
    now = Math.max(now, at);
    limitations.add(logged);
    const ip = address === null ? 0 : ipNumber(address, client);
    const user = users.numberOf(identity?.id ?? null);
    const apiKey = apiKeys.numberOf(headers?.["x-api-key"] ?? null);
    for (const index of routesOf(logged, target)) {
      if (ip !== 0) found.ip[index]?.add(ip, now);
      if (user !== 0) found.user[index]?.add(user, now);
      if (apiKey !== 0) found["api-key"][index]?.add(apiKey, now);
    }
  });
  const taken = new Set<string>();
  const suggestions = [...new Set(keys)].flatMap((key) => found[key])
    .flatMap((each) => each.suggestions(names, taken));
  return {
    requests: count,
    suggestions,
    limitations: [
      ...suggestions.some(({ clients }) => clients < 1000) ? [FEW_CLIENTS] : [],
      ...limitations.sentences(requestsOf.nonZero(), (requests as Partial<LoggedRequests>).summary),
    ],
  };
}
