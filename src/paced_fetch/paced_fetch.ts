/**
 * A `fetch` that keeps to the limits that servers state.
 *
 * @module
 */

import { type Bucket, newBucket } from "./bucket.ts";
import { type Lane, newLane } from "./lane.ts";
import { plan } from "./plan.ts";

/** The function that {@link pacedFetch} calls, and gives: what of `fetch` it needs. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Options of {@link pacedFetch}. */
export interface PacedFetchOptions {
  /** Sends a request. Default: the global `fetch`, as it is when a request is sent. */
  fetch?: Fetch;
  /** The longest that one call waits in all, in ms; a call that would wait longer answers with a 429. Default 60,000. */
  maxWaitMs?: number;
  /**
   * Spread what is left of a quota over the rest of its window, rather than use it at once. False is for a process that has
   * the quota for itself: several that use theirs at once cannot know of each other. Default true.
   */
  spread?: boolean;
  /**
   * Which refused requests are sent again: "idempotent" (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), "all", or "none". A
   * request whose body is a stream never is. Default "idempotent".
   */
  retry?: "idempotent" | "all" | "none";
  /** The time, epoch ms. Default `Date.now`. */
  clock?: () => number;
  /** A random number from 0 to 1, for jitter. Default `Math.random`. */
  random?: () => number;
}

/** What is known of one origin. */
interface Origin {
  /** By policy and partition. */
  readonly buckets: Map<string, Bucket>;
  /** By the keys of their buckets, joined. */
  readonly lanes: Map<string, Lane>;
  /** The buckets' keys of a method and path, as it was last answered. */
  readonly routes: Map<string, readonly string[]>;
  /** The keys of buckets that every answer with quotas told of: those of a route that is not known yet. */
  common: readonly string[] | null;
  /** Those of such a route before. A bucket that nothing is heard of lets one request go at a time. */
  first: readonly string[];
}

/** The methods that are sent again. */
const RETRIES = { idempotent: /^(?:GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/, all: /./, none: /^$/ };
/** The most origins that are kept, and of each the most buckets, lanes and routes. */
const MOST = 1000;

/** What the map has at the key; made where it has nothing. Of too many the oldest goes. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  if (map.size > MOST) map.delete(map.keys().next().value as string);
  return found;
}

/** The options, checked, with every default filled in: what an option may be is what its default is. */
function settingsOf(options: PacedFetchOptions): Required<PacedFetchOptions> {
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
    const holds = name === "maxWaitMs" ? value >= 0 : name !== "retry" || Object.hasOwn(RETRIES, value);
    if (typeof value !== typeof settings[name as keyof PacedFetchOptions] || !holds) {
      throw new TypeError(`Cannot make pacedFetch() as it takes no such ${name}: current value is ${value}`);
    }
    Object.assign(settings, { [name]: value });
  }
  return settings;
}

/** The answer to a call that would have to wait too long, and so was not sent. */
function notSent(waitMs: number): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const message = `pacedFetch: no quota for ${seconds} s.`;
  return Response.json({ message }, { status: 429, headers: { "retry-after": `${seconds}` } });
}

/**
 * Makes a `fetch` that keeps to the limits that servers state in their answers (see {@link plan}). It spreads what
 * is left of each quota over the rest of its window, sends nothing while a quota is used up or a server has said when to
 * come back, and sends a refused request again when its time has come. Calls wait in the order of their coming.
 *
 * Quotas belong to an origin, a policy's name and, where the server sends one, a partition key. A route that was not
 * called before is taken to have the quotas that all answers of its origin told of; parts of a path that have digits in them are
 * taken to be identifiers. Other processes that use the same quota are seen in the numbers that come back, and this process
 * keeps to its share. Make one `pacedFetch` per credential and use it everywhere in the process: two know nothing of each other.
 *
 * Refused is what has status 429, and 403 or 503 that say when to come back. A call ends with its `signal`'s reason as soon as
 * that aborts, also while it waits. It is answered with 429 when it would wait longer than `maxWaitMs`: with the server's own
 * answer where this call has one, else with one of `pacedFetch`. To spread makes no call wait longer than that: at its
 * deadline it goes, where the quota has room. No server is believed for more than a day.
 *
 * @param options See {@link PacedFetchOptions}.
 * @returns A function with the signature of `fetch`.
 * @throws {TypeError} When an option cannot be used.
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

  /** Takes in an answer. Is the request refused? */
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
    // Slots, and what is used by nobody, have no time in which to use what is left.
    const timed = quotas.filter(({ remaining, resetMs, windowMs }) => !remaining || (resetMs ?? windowMs));
    const keys = timed.map((quota) => {
      const key = `${quota.policy} ${quota.partition}`;
      kept(origin.buckets, key, newBucket).learn(quota, sentAt, now);
      return key;
    });
    const { routes, common } = origin;
    // An answer may tell of nothing, and a refusal of the refusing quotas alone.
    const isWhole = keys.length > 0 && !isRefused;
    if (isWhole) routes.delete(route);
    kept(routes, route, () => keys);
    if (keys.length > 0 && (isWhole || !common)) {
      origin.common = common?.filter((key) => keys.includes(key)) ?? keys;
    }
    origin.first = [];
    const lanes = new Set([asked, laneOf(origin, route)]);
    for (const lane of lanes) lane.hear(isRefused ? waitMs ?? 0 : null, sentAt, now);
    for (const lane of origin.lanes.values()) lane.look();
    return isRefused;
  }

  return async (input, init) => {
    const request = typeof input === "object" && "url" in input ? input : null;
    // A request's address is whole, whatever the page's is.
    const { origin: name, pathname } = new URL(request?.url ?? new Request(input).url);
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    const signal = init?.signal ?? request?.signal;
    const body = init?.body ?? request?.body;
    const isReplayable = RETRIES[retry].test(method) &&
      !(typeof body === "object" && body && ("getReader" in body || Symbol.asyncIterator in body));
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
        // Meanwhile an answer told of other quotas: wait for those.
        lane.leave(sentAt);
        lane.look();
        continue;
      }
      let answer: Response | null = null;
      try {
        answer = await send(input, init);
      } finally {
        lane.leave(sentAt);
        // Of an answer the buckets learn first.
        if (!answer) lane.look();
      }
      const isRefused = hear(origin, lane, route, sentAt, answer);
      const isInTime = laneOf(origin, route).opensAt(clock(), deadline) <= deadline;
      if (!(isRefused && isReplayable && isInTime)) return answer;
      await answer.body?.cancel();
    }
  };
}
