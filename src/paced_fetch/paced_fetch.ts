/**
 * A `fetch` that keeps to the limits that servers state.
 *
 * @module
 */

import { type Bucket, learn, newBucket, opensAt, take } from "./bucket.ts";
import { type Line, newLine } from "./line.ts";
import { plan } from "./plan.ts";

/** The function that {@link pacedFetch} calls, and gives: what of `fetch` it needs. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Options of {@link pacedFetch}. */
export interface PacedFetchOptions {
  /** Sends a request. Default: the global `fetch`, as it is when a request is sent. */
  fetch?: Fetch;
  /** The longest that one call waits in all, in ms; a call that would wait longer answers with a 429. Default 60,000. */
  maxWaitMs?: number;
  /** Spread what is left of a quota over the rest of its window, rather than use it at once. Default true. */
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
  readonly lines: Map<string, Closable>;
  /** The buckets' keys of a method and path, as it was last answered. */
  readonly routes: Map<string, readonly string[]>;
  /** The keys of buckets that every answer told of: those of a route that is not known yet. Null before the first answer. */
  common: readonly string[] | null;
}

interface Closable {
  readonly line: Line;
  readonly buckets: readonly Bucket[];
  /** No request goes before, epoch ms. */
  closedUntil: number;
  /** Refusals in a row. */
  refusals: number;
  /** Before the first answer: when the request that brings it was sent. */
  askedAt: number;
}

const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/;
const MAX_ROUTES = 1000;
/** The least wait after a refusal, in ms; it doubles with each refusal in a row. */
const BACK_OFF_MS = 100;
/** How long the first request to an origin is alone, in ms. */
const ALONE_MS = 1000;
const OPTIONS = ["fetch", "maxWaitMs", "spread", "retry", "clock", "random"];

function requireOptions(options: PacedFetchOptions): void {
  const wrong = (name: string, demand: string, value: unknown): never => {
    throw new TypeError(`Cannot make pacedFetch() as ${name} ${demand}: current value is ${String(value)}`);
  };
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) wrong("it", `takes no option but ${OPTIONS.join(", ")}`, name);
  }
  const { maxWaitMs = 0, retry = "none" } = options;
  if (!(typeof maxWaitMs === "number" && maxWaitMs >= 0)) {
    wrong("maxWaitMs", "must be a number of at least 0", maxWaitMs);
  }
  if (!["idempotent", "all", "none"].includes(retry)) {
    wrong("retry", 'must be one of "idempotent", "all", "none"', retry);
  }
}

/** The answer to a call that would have to wait too long, and so was not sent. */
function notSent(waitMs: number): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const problem = {
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail: `pacedFetch did not send this request: the server's quota is used up for ${seconds} s.`,
  };
  return new Response(JSON.stringify(problem), {
    status: 429,
    statusText: "Too Many Requests",
    headers: { "content-type": "application/problem+json", "retry-after": String(seconds) },
  });
}

/**
 * Makes a `fetch` that keeps to the limits that servers state in their answers (see `plan`). It spreads what
 * is left of each quota over the rest of its window, sends nothing while a quota is used up or a server has said when to
 * come back, and sends a refused request again when its time has come. Calls wait in the order of their coming.
 *
 * Quotas belong to an origin, a policy's name and, where the server sends one, a partition key. A route that was not
 * called before is taken to have the quotas that all answers of its origin told of. Other processes that use the same quota
 * are seen in the numbers that come back, and this process keeps to its share. Make one `pacedFetch` per credential and
 * use it everywhere in the process: two know nothing of each other.
 *
 * A call ends with its `signal`'s reason as soon as that aborts, also while it waits. It is answered with 429 when it would
 * wait longer than `maxWaitMs`: with the server's own answer where this call has one, else with one of `pacedFetch`.
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
  requireOptions(options);
  const { maxWaitMs = 60_000, spread = true, retry = "idempotent", clock = Date.now, random = Math.random } =
    options;
  const send: Fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const origins = new Map<string, Origin>();

  function originOf(name: string): Origin {
    const known = origins.get(name);
    if (known !== undefined) return known;
    const made: Origin = { buckets: new Map(), lines: new Map(), routes: new Map(), common: null };
    origins.set(name, made);
    return made;
  }

  function bucketOf({ buckets }: Origin, key: string): Bucket {
    const bucket = buckets.get(key) ?? newBucket();
    buckets.set(key, bucket);
    return bucket;
  }

  function lineOf(origin: Origin, keys: readonly string[]): Closable {
    const name = keys.join("\n");
    const known = origin.lines.get(name);
    if (known !== undefined) return known;
    const buckets = keys.map((key) => bucketOf(origin, key));
    const made: Closable = {
      line: newLine(clock, (now) => lineOpensAt(origin, made, now), (now) => {
        made.askedAt = now;
        for (const bucket of buckets) take(bucket, now);
      }),
      ...{ buckets, closedUntil: 0, refusals: 0, askedAt: 0 },
    };
    origin.lines.set(name, made);
    return made;
  }

  function lineOpensAt(origin: Origin, { buckets, closedUntil, askedAt }: Closable, now: number): number {
    // The first request finds out what the limits are.
    const alone = origin.common === null && askedAt > 0 ? askedAt + ALONE_MS : 0;
    return Math.max(closedUntil, alone, ...buckets.map((bucket) => opensAt(bucket, now, spread)));
  }

  /** Takes in an answer. Is the request refused, and for how long? */
  function hear(
    origin: Origin,
    asked: Closable,
    route: string,
    sentAt: number,
    answer: Response,
  ): number | null {
    const now = clock();
    const { quotas, waitMs } = plan(answer.headers, now);
    const keys = quotas.map(({ policy, partition }) => `${policy} ${partition}`).sort();
    quotas.forEach((quota) =>
      learn(bucketOf(origin, `${quota.policy} ${quota.partition}`), quota, sentAt, now)
    );
    const isRefused = answer.status === 429 || (answer.status === 503 && waitMs !== null);
    // A refusal may name the refusing quotas alone.
    if (!isRefused || !origin.routes.has(route)) {
      origin.routes.set(route, keys);
      const [oldest] = origin.routes.size > MAX_ROUTES ? origin.routes.keys() : [];
      if (oldest !== undefined) origin.routes.delete(oldest);
    }
    origin.common = origin.common === null
      ? keys
      : origin.common.filter((key) => isRefused || keys.includes(key));
    const { line } = asked;
    let restMs: number | null = null;
    if (isRefused) {
      const leastMs = BACK_OFF_MS * 2 ** Math.min(20, asked.refusals++);
      restMs = Math.max(waitMs ?? 0, leastMs);
      // Upwards only: none comes back too early, and not all at once.
      asked.closedUntil = Math.max(asked.closedUntil, now + restMs + random() * Math.min(1000, restMs / 10));
    } else {
      asked.refusals = 0;
    }
    line.look();
    for (const other of origin.lines.values()) if (other !== asked) other.line.look();
    return restMs;
  }

  function leave({ buckets }: Closable): void {
    for (const bucket of buckets) bucket.inFlight--;
  }

  function isReplayable(
    input: string | URL | Request,
    init: RequestInit | undefined,
    method: string,
  ): boolean {
    const body = init?.body ?? (input instanceof Request ? input.body : null);
    if (body instanceof ReadableStream) return false;
    return retry === "all" || (retry === "idempotent" && IDEMPOTENT.test(method));
  }

  return async (input, init) => {
    const isRequest = typeof input === "object" && "url" in input;
    const url = new URL(
      isRequest ? input.url : input,
      (globalThis as { location?: { href: string } }).location?.href,
    );
    const method = (init?.method ?? (isRequest ? input.method : "GET")).toUpperCase();
    const signal = init?.signal ?? (isRequest ? input.signal : null);
    const route = `${method} ${url.pathname}`;
    const origin = originOf(url.origin);
    const deadline = clock() + maxWaitMs;
    const lineNow = (): Closable => lineOf(origin, origin.routes.get(route) ?? origin.common ?? []);
    for (let refused: Response | null = null;;) {
      const asked = lineNow();
      const mayGo = await asked.line.wait(deadline, signal);
      if (mayGo && asked !== lineNow()) {
        // Meanwhile an answer told of other quotas: wait for those.
        leave(asked);
        continue;
      }
      if (!mayGo) {
        return refused ?? notSent(lineOpensAt(origin, asked, clock()) - clock());
      }
      await refused?.body?.cancel();
      const sentAt = clock();
      let answer: Response | null = null;
      try {
        answer = await send(input, init);
      } finally {
        leave(asked);
        if (answer === null) asked.line.look();
      }
      const restMs = hear(origin, asked, route, sentAt, answer);
      if (restMs === null || clock() + restMs > deadline || !isReplayable(input, init, method)) return answer;
      refused = answer;
    }
  };
}
