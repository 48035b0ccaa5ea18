/**
 * A `fetch` that keeps to the limits that servers state.
 *
 * @module
 */

import { type Bucket, newBucket } from "./bucket.ts";
import { type Lane, newLane } from "./lane.ts";
import { plan } from "./plan.ts";

/** The part of `fetch` that {@link pacedFetch} calls, and the type of its result. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Options of {@link pacedFetch}. */
export interface PacedFetchOptions {
  /** Sends a request. Default: the global `fetch` at the time of the request. */
  fetch?: Fetch;
  /**
   * The longest total wait of one call, in ms; a call that would wait longer is answered with 429. Default
   * 60,000.
   */
  maxWaitMs?: number;
  /**
   * Spread the remaining quota over the rest of its window, rather than use it at once. Set false only for a
   * process that has the quota for itself: several processes without spreading cannot see each other. Default
   * true.
   */
  spread?: boolean;
  /**
   * The refused requests to send again: "idempotent" (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), "all", or
   * "none". A request with a stream as its body is never sent again. Default "idempotent".
   */
  retry?: "idempotent" | "all" | "none";
  /** Returns the time in epoch ms. Default `Date.now`. */
  clock?: () => number;
  /** Returns a random number from 0 to 1, for jitter. Default `Math.random`. */
  random?: () => number;
}

/** The known quotas of one origin. */
interface Origin {
  /** By policy and partition. */
  readonly buckets: Map<string, Bucket>;
  /** By the joined keys of their buckets. */
  readonly lanes: Map<string, Lane>;
  /** The buckets' keys of a method and path, from its last response. */
  readonly routes: Map<string, readonly string[]>;
  /** The keys of the buckets in every response with quotas: for a route without a response yet. */
  common: readonly string[] | null;
  /** The buckets of such a route before any response: without quotas one request goes at a time. */
  first: readonly string[];
}

/** The methods that are sent again. */
const RETRIES = { idempotent: /^(GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/, all: /./, none: /^$/ };
/** The most origins, and the most buckets, lanes and routes per origin. */
const MAX_ENTRIES = 1000;

/** The value of a key, created if it is missing. The oldest entry leaves a full map. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  const [oldest] = map.keys();
  if (map.size > MAX_ENTRIES) map.delete(oldest);
  return found;
}

function requireThat(holds: boolean, name: string, value: unknown): void {
  if (holds) return;
  throw new TypeError(
    `Cannot make pacedFetch() as it takes no such ${name}: current value is ${String(value)}`,
  );
}

/** The options, checked, with every default filled in: what an option may be is what its default is. */
function settingsOf(options: PacedFetchOptions): Required<PacedFetchOptions> {
  requireThat(typeof options === "object" && options !== null, "options", options);
  const settings: Required<PacedFetchOptions> = {
    fetch: (input, init) => fetch(input, init),
    maxWaitMs: 60_000,
    spread: true,
    retry: "idempotent",
    clock: Date.now,
    random: Math.random,
  };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    requireThat(
      typeof value === typeof settings[name as keyof PacedFetchOptions] &&
        (name === "maxWaitMs" ? value >= 0 : name !== "retry" || Object.hasOwn(RETRIES, value)),
      name,
      value,
    );
    (settings as unknown as Record<string, unknown>)[name] = value;
  }
  return settings;
}

/** The response to a call that would have to wait too long, and so was not sent. */
function notSent(waitMs: number): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return Response.json({ message: `pacedFetch: no quota for ${seconds} s.` }, {
    status: 429,
    headers: { "retry-after": `${seconds}` },
  });
}

/**
 * Makes a `fetch` that keeps to the limits in servers' responses (see {@link plan}). It spreads the remaining
 * quota over the rest of its window, sends nothing while a quota is used up or during a server's Retry-After,
 * and then sends a refused request again. Calls wait in order.
 *
 * Quotas belong to an origin, a policy's name and, if the server sends one, a partition key. A new route is
 * assumed to have the quotas that all responses of its origin have in common; path segments with digits count
 * as identifiers. The responses also show the use by other processes, and this process keeps to its share.
 * Make one `pacedFetch` per credential and use it everywhere in the process: two of them cannot see each
 * other.
 *
 * Refusals are the status 429, and 403 or 503 with a wait. A call ends with its `signal`'s reason as soon as
 * it aborts, even while it waits. A call that would wait longer than `maxWaitMs` is answered with 429: with
 * the server's own response if there is one, else with one of `pacedFetch`. Spreading never makes a call wait
 * longer than that: at its deadline it is sent if the quota has room. A server's statement is valid for a day
 * at most.
 *
 * @param options See {@link PacedFetchOptions}.
 * @returns A function with the signature of `fetch`.
 * @throws {TypeError} If an option is invalid.
 *
 * @example
 * ```ts
 * import { pacedFetch } from "@weir/throttle/client";
 * import { equal } from "node:assert/strict";
 *
 * const server = () => Promise.resolve(new Response("hello", { headers: { ratelimit: '"api";r=9;t=1' } }));
 * const fetch = pacedFetch({ fetch: server, maxWaitMs: 10_000 });
 * equal(await (await fetch("https://api.example.com/items")).text(), "hello");
 * ```
 */
export function pacedFetch(options: PacedFetchOptions = {}): Fetch {
  const { fetch: send, maxWaitMs, spread, retry, clock, random } = settingsOf(options);
  const origins = new Map<string, Origin>();

  function laneOf({ buckets, lanes, routes, common, first }: Origin, route: string): Lane {
    const keys = routes.get(route) ?? common ?? first;
    const make = (): Lane => newLane(keys.map((key) => kept(buckets, key, newBucket)), clock, random, spread);
    return kept(lanes, keys.join(), make);
  }

  /** Reads a response. Is the request refused? */
  function hear(
    origin: Origin,
    asked: Lane,
    route: string,
    sentAt: number,
    { headers, status }: Response,
  ): boolean {
    const now = clock();
    const { quotas, waitMs } = plan(headers, now);
    const isRefused = status === 429 ||
      ((status === 403 || status === 503) && (waitMs !== null || quotas.some(({ remaining }) => !remaining)));
    // A quota of slots, or one without any use, has no time over which to spread the rest.
    const timed = quotas.filter(({ remaining, resetMs, windowMs }) => !remaining || (resetMs ?? windowMs));
    const keys = timed.map((quota) => {
      const key = `${quota.policy} ${quota.partition}`;
      kept(origin.buckets, key, newBucket).learn(quota, sentAt, now);
      return key;
    });
    const { routes, common } = origin;
    // A response may state no quota, and a refusal only the refusing ones.
    const isWhole = keys.length > 0 && !isRefused;
    if (isWhole) routes.delete(route);
    kept(routes, route, () => keys);
    if (keys.length > 0 && (isWhole || !common)) {
      origin.common = common?.filter((key) => keys.includes(key)) ?? keys;
    }
    origin.first = [];
    for (const lane of new Set([asked, laneOf(origin, route)])) {
      lane.hear(isRefused ? waitMs ?? 0 : null, sentAt, now);
    }
    for (const lane of origin.lanes.values()) lane.look();
    return isRefused;
  }

  return async (input, init) => {
    const request = (input as Request | null)?.url ? input as Request : null;
    // In a browser the request has an absolute URL even if the given one is relative.
    const { origin: name, pathname } = new URL((request ?? new Request(input)).url);
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    const signal = init?.signal ?? request?.signal;
    const body = (init?.body ?? request?.body) as Partial<ReadableStream & AsyncIterable<unknown>> | null;
    const isReplayable = RETRIES[retry].test(method) && !(body?.getReader || body?.[Symbol.asyncIterator]);
    const route = `${method} ${pathname.replace(/[^/]*\d[^/]*/g, "*")}`;
    const origin = kept(
      origins,
      name,
      (): Origin => ({ buckets: new Map(), lanes: new Map(), routes: new Map(), common: null, first: ["?"] }),
    );
    const deadline = clock() + maxWaitMs;
    for (;;) {
      const lane = laneOf(origin, route);
      const sentAt = await lane.wait(deadline, signal);
      if (sentAt === null) return notSent(lane.opensAt(clock(), deadline) - clock());
      if (lane !== laneOf(origin, route)) {
        // Meanwhile a response stated other quotas: wait for those.
        lane.leave(sentAt);
        lane.look();
        continue;
      }
      let answer: Response | null = null;
      try {
        answer = await send(input, init);
      } finally {
        lane.leave(sentAt);
        // The buckets read a response first.
        if (!answer) lane.look();
      }
      const isRefused = hear(origin, lane, route, sentAt, answer);
      const isInTime = laneOf(origin, route).opensAt(clock(), deadline) <= deadline;
      if (!(isRefused && isReplayable && isInTime)) return answer;
      // A body that broke off cannot be cancelled, and need not be.
      await answer.body?.cancel().catch(() => {});
    }
  };
}
