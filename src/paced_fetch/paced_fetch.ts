/**
 * A `fetch` that keeps to the limits that servers state.
 *
 * @module
 */

import { kept } from "./kept.ts";
import { newOrigin, type Origin } from "./origin.ts";

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

/** The methods that are sent again. */
const RETRIES = { idempotent: /^(GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/, all: /./, none: /^$/ };

function requireThat(holds: boolean, name: string, value: unknown): void {
  if (holds) return;
  throw new TypeError(
    `Cannot make pacedFetch() as it takes no such ${name}: current value is ${
      // An object may have no text.
      Object(value) === value ? {}.toString.call(value) : String(value)}`,
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
  const { fetch: send, maxWaitMs, spread, retry, clock: wall, random } = settingsOf(options);
  const origins = new Map<string, Origin>();

  return async (input, init) => {
    const request = (input as Request | null)?.url ? input as Request : null;
    // In a browser the request has an absolute URL even if the given one is relative.
    const { origin: name, pathname } = new URL((request ?? new Request(input)).url);
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    const signal = init?.signal ?? request?.signal;
    const body = (init?.body ?? request?.body) as Partial<ReadableStream & AsyncIterable<unknown>> | null;
    const isReplayable = RETRIES[retry].test(method) && !(body?.getReader || body?.[Symbol.asyncIterator]);
    const route = `${method} ${pathname.replace(/[^/]*\d[^/]*/g, "*")}`;
    const { clock, laneOf, hear } = kept(origins, name, () => newOrigin(wall, random, spread));
    const deadline = clock() + maxWaitMs;
    for (;;) {
      const lane = laneOf(route);
      const sentAt = await lane.wait(deadline, signal);
      if (sentAt === null) return notSent(lane.opensAt(clock(), deadline) - clock());
      if (lane !== laneOf(route)) {
        // Meanwhile a response stated other quotas: wait for those.
        lane.leave(sentAt);
        lane.look();
        continue;
      }
      let answer: Response | undefined;
      try {
        answer = await send(input, init);
      } finally {
        lane.leave(sentAt);
        // The buckets read a response first.
        if (!answer) lane.look();
      }
      const isRefused = hear(lane, route, sentAt, answer);
      if (!isRefused || !isReplayable || laneOf(route).opensAt(clock(), deadline) > deadline) return answer;
      // A body that broke off cannot be cancelled, and need not be.
      await answer.body?.cancel().catch(() => {});
    }
  };
}
