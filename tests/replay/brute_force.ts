/** Rules counted by hand on lists of requests. Shares no code with src. */

/** A request of a log. */
export interface Hit {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly client: string;
}

/** A rule in plain numbers. */
export interface PlainRule {
  readonly algorithm: "fixed" | "gcra" | "log";
  readonly limit: number;
  readonly windowMs: number;
  /** "POST /login" or "/api/*"; null for every request. */
  readonly on: string | null;
}

export interface Counted {
  asked: number;
  refused: number;
  readonly clients: Set<string>;
  readonly refusedOf: Map<string, number>;
}

export interface Total {
  refused: number;
  readonly refusedClients: Set<string>;
  readonly rules: readonly Counted[];
}

function applies(on: string | null, { method, path }: Hit): boolean {
  if (on === null) return true;
  const words = on.split(" ");
  const pattern = words[words.length - 1];
  if (words.length === 2 && words[0] !== method) return false;
  const [bare] = path.split("?");
  return pattern.endsWith("/*")
    ? bare === pattern.slice(0, -2) || bare.startsWith(pattern.slice(0, -1))
    : bare === pattern;
}

/** Times of the requests that were let through, of one client under one rule. */
type Passed = readonly number[];

/** Would the rule let one more request through? Each time from all that were let through. */
function passes({ algorithm, limit, windowMs }: PlainRule, passed: Passed, at: number): boolean {
  if (algorithm === "log") return passed.filter((time) => time > at - windowMs).length < limit;
  if (algorithm === "fixed") {
    // A window begins with the first request after the last window.
    let start = -Infinity;
    let used = 0;
    for (const time of passed) {
      if (time >= start + windowMs) {
        start = time;
        used = 0;
      }
      used++;
    }
    return at >= start + windowMs || used < limit;
  }
  // A bucket that leaks `limit` requests in a window, in parts of 1 / limit ms of a request.
  let owed = 0;
  let last = -Infinity;
  for (const time of [...passed, at]) {
    owed = last === -Infinity ? 0 : Math.max(0, owed - limit * (time - last));
    owed += windowMs;
    last = time;
  }
  return owed <= limit * windowMs;
}

/** Counts all requests under all rules. A request is charged to all of its rules or, where one refuses, to none. */
export function bruteForce(hits: readonly Hit[], rules: readonly PlainRule[]): Total {
  const passed = rules.map(() => new Map<string, number[]>());
  const total: Total = {
    refused: 0,
    refusedClients: new Set(),
    rules: rules.map(() => ({ asked: 0, refused: 0, clients: new Set(), refusedOf: new Map() })),
  };
  for (const hit of hits) {
    const own = rules.map((rule, i) => applies(rule.on, hit) ? i : -1).filter((i) => i !== -1);
    const refusing = own.filter((i) => !passes(rules[i], passed[i].get(hit.client) ?? [], hit.at));
    for (const i of own) {
      total.rules[i].asked++;
      total.rules[i].clients.add(hit.client);
      if (refusing.length === 0) passed[i].set(hit.client, [...passed[i].get(hit.client) ?? [], hit.at]);
    }
    for (const i of refusing) {
      const counted = total.rules[i];
      counted.refused++;
      counted.refusedOf.set(hit.client, (counted.refusedOf.get(hit.client) ?? 0) + 1);
    }
    if (refusing.length > 0) {
      total.refused++;
      total.refusedClients.add(hit.client);
    }
  }
  return total;
}

/** Random numbers from 0 up to a bound, the same for the same seed (a multiplicative generator, Park and Miller). */
export function seeded(seed: number): (bound: number) => number {
  let state = seed % 2147483647 || 1;
  return (bound) => {
    state = (state * 48271) % 2147483647;
    return Math.floor(state / 2147483647 * bound);
  };
}

/** Requests of a seed: bursts, pauses, and many at one time. */
export function seededHits(seed: number, count: number): Hit[] {
  const random = seeded(seed);
  const paths = ["/", "/api/items?page=2", "/api/users", "/login", "/about.html"];
  let at = Date.UTC(2026, 10, 29);
  return Array.from({ length: count }, () => {
    at += [0, 0, 0, 0, 1000, 1000, 1000, 2000, 2000, 7000, 7000, 61_000][random(12)];
    const client = `192.0.2.${1 + random(random(2) === 0 ? 2 : 12)}`;
    return { at, method: random(4) === 0 ? "POST" : "GET", path: paths[random(paths.length)], client };
  });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Requests as a log in combined format. */
export function combinedLog(hits: readonly Hit[]): string {
  return hits.map(({ at, method, path, client }) => {
    const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(
      new Date(at).toISOString(),
    ) as string[];
    const date = `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
    return `${client} - - [${date}] "${method} ${path} HTTP/1.1" 200 5 "-" "agent"\n`;
  }).join("");
}
