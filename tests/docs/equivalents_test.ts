/**
 * The exact rows of docs/moving-here.md: a peer and its twin in Weir get the same requests at the same times, and give the
 * same verdicts. Peers from npm run as they are, on clocks that stand still; the others by the formula of their documentation.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fastifyRateLimit from "@fastify/rate-limit";
import { Ratelimit } from "@upstash/ratelimit";
import { rateLimit as expressRateLimit } from "express-rate-limit";
import { fastify } from "fastify";
import { after, before, describe, it } from "node:test";
import { RateLimiterMemory } from "rate-limiter-flexible";
import {
  byGlobal,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingWindow,
} from "../../mod.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { START } from "../harness/throttled.ts";

const LIMIT = 10;
const WINDOW_MS = 10_000;
const REQUESTS = 250;

/** Numbers from 0 to 1, the same at every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Times, each as many ms after the one before as `pause` says. */
function times(pause: (index: number, random: () => number) => number, start = START + 1234): number[] {
  const random = seeded(20_261_129);
  let now = start;
  return Array.from({ length: REQUESTS }, (_, index) => now += Math.round(pause(index, random)));
}

const BURST = LIMIT + 3;
const traces: Readonly<Record<string, readonly number[]>> = {
  "steady at 90 % of the limit": times(() => WINDOW_MS / LIMIT / 0.9),
  "by Poisson at twice the limit": times((_, random) => -Math.log(1 - random()) * WINDOW_MS / LIMIT / 2),
  "in bursts of the limit and 3 with pauses": times((index, random) =>
    index % BURST === 0 ? (0.2 + 1.6 * random()) * WINDOW_MS : 0
  ),
  "at multiples of an eighth of a window": times(
    (_, random) => Math.floor(random() * 4) * WINDOW_MS / 8,
    START,
  ),
};

/** A limiter: may a request at this time pass? */
interface Contender {
  ask(now: number): boolean | Promise<boolean>;
  /** The answers, where they come later than they are asked for. */
  end?(): void | Promise<void>;
}

/** The verdicts of a limiter that has seen nothing yet. */
async function verdictsOf(contender: Contender, trace: readonly number[]): Promise<boolean[]> {
  const verdicts: (boolean | Promise<boolean>)[] = [];
  for (const now of trace) {
    const verdict = contender.ask(now);
    verdicts.push(verdict);
    if (contender.end === undefined) await verdict;
  }
  await contender.end?.();
  return await Promise.all(verdicts);
}

function weir(rule: Omit<Rule, "rate"> & Partial<Pick<Rule, "rate">>): Contender {
  let time = 0;
  const store = memoryStore({ clock: () => time });
  const throttle = createThrottle({
    rate: { limit: LIMIT, window: WINDOW_MS / 1000 },
    key: byGlobal(),
    ...rule,
  }, {
    store,
  });
  const request = new Request("https://api.example/");
  return {
    async ask(now) {
      time = now;
      return (await throttle.check(request)).allowed;
    },
  };
}

/** The most requests that pass within the length of a window. */
function mostIn(trace: readonly number[], verdicts: readonly boolean[]): number {
  const passed = trace.filter((_, i) => verdicts[i]);
  return Math.max(...passed.map((from) => passed.filter((at) => at >= from && at < from + WINDOW_MS).length));
}

/** Compares a peer and a rule on every trace, each anew. */
function itEquals(theirs: string, peer: () => Contender | Promise<Contender>, rule: () => Contender): void {
  it(`lets the same requests pass as ${theirs} on ${Object.keys(traces).length} traces`, async () => {
    let refused = 0;
    for (const [name, trace] of Object.entries(traces)) {
      const expected = await verdictsOf(await peer(), trace);
      const drawn = (verdicts: readonly boolean[]) => verdicts.map((passes) => passes ? "|" : ".").join("");
      assertEquals(drawn(await verdictsOf(rule(), trace)), drawn(expected), `arriving ${name}`);
      refused += expected.filter((passes) => !passes).length;
    }
    assert(refused > REQUESTS / 4, `only ${refused} requests were refused: nothing was compared`);
  });
}

const { now: dateNow } = Date;
const { setTimeout, clearTimeout } = globalThis;

/** Puts a clock that stands still, and its timers, in the place of the runtime's. */
function standStill(): { set(time: number): void } {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  Date.now = () => now;
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const timer = { at: now + ms, run: () => run(...args), unref: () => timer };
    timers.push(timer);
    return timer;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = (ended: unknown) => void (timers = timers.filter((timer) => timer !== ended));
  return {
    set(time) {
      const due = timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
      timers = timers.filter(({ at }) => at > time);
      for (const { at, run } of due) {
        now = at;
        run();
      }
      now = time;
    },
  };
}

function goOn(): void {
  Date.now = dateNow;
  globalThis.setTimeout = setTimeout;
  globalThis.clearTimeout = clearTimeout;
}

describe("a rule of Weir's", () => {
  after(goOn);

  function flexible(options: { blockDuration?: number; execEvenly?: boolean }): Contender {
    const clock = standStill();
    const limiter = new RateLimiterMemory({ points: LIMIT, duration: WINDOW_MS / 1000, ...options });
    let last = 0;
    return {
      ask(now) {
        clock.set(last = now);
        return limiter.consume("somebody").then(() => true, (reason) => {
          if (reason instanceof Error) throw reason;
          return false;
        });
      },
      end() {
        // A request that passes evenly waits for its turn.
        clock.set(last + 2 * WINDOW_MS);
        goOn();
      },
    };
  }
  itEquals("rate-limiter-flexible's", () => flexible({}), () => weir({}));
  itEquals("rate-limiter-flexible's with execEvenly", () => flexible({ execEvenly: true }), () => weir({}));
  for (const windows of [1, 2]) {
    const blockDuration = windows * WINDOW_MS / 1000;
    itEquals(
      `rate-limiter-flexible's with a blockDuration of ${blockDuration} s`,
      () => flexible({ blockDuration }),
      () => weir({ block: { after: 1, window: blockDuration, for: blockDuration } }),
    );
  }

  itEquals("express-rate-limit's", () => {
    const middleware = expressRateLimit({
      ...{ windowMs: WINDOW_MS, limit: LIMIT, keyGenerator: () => "somebody", validate: false },
      ...{ legacyHeaders: false, handler: (_request, response) => void response.end() },
    });
    return {
      async ask(now) {
        Date.now = () => now;
        try {
          return await new Promise<boolean>((resolve, reject) => {
            const response = { end: () => resolve(false) };
            const next = (error?: unknown) => error === undefined ? resolve(true) : reject(error);
            Promise.resolve(middleware({} as never, response as never, next)).catch(reject);
          });
        } finally {
          Date.now = dateNow;
        }
      },
    };
  }, () => weir({}));

  itEquals("@fastify/rate-limit's", async () => {
    const app = fastify();
    await app.register(fastifyRateLimit, {
      max: LIMIT,
      timeWindow: WINDOW_MS,
      keyGenerator: () => "somebody",
    });
    app.get("/", () => "inside");
    await app.ready();
    return {
      async ask(now) {
        Date.now = () => now;
        try {
          return (await app.inject("/")).statusCode === 200;
        } finally {
          Date.now = dateNow;
        }
      },
    };
  }, () => weir({}));

  // https://github.com/brandur/redis-cell: max_burst, count per period; the generic cell rate algorithm in its textbook form.
  itEquals("redis-cell's, by its formula", () => {
    const maxBurst = 4;
    const emissionInterval = WINDOW_MS / LIMIT;
    let arrival = 0;
    return {
      ask(now) {
        const next = Math.max(now, arrival) + emissionInterval;
        const passes = now >= next - emissionInterval * (maxBurst + 1);
        if (passes) arrival = next;
        return passes;
      },
    };
  }, () => weir({ algorithm: gcra({ burst: 5 }) }));

  // ngx_http_limit_req_module: an excess in thousandths of a request, which the first one does not raise.
  itEquals("nginx's limit_req with burst and nodelay, by its formula", () => {
    const rate = LIMIT * 1000 / (WINDOW_MS / 1000);
    const burst = 4 * 1000;
    let last: number | null = null;
    let excess = 0;
    return {
      ask(now) {
        const raised = last === null ? 0 : Math.max(0, excess - rate * (now - last) / 1000 + 1000);
        if (raised > burst) return false;
        [excess, last] = [raised, now];
        return true;
      },
    };
  }, () => weir({ algorithm: gcra({ burst: 5 }) }));
});

describe("a rule of Weir's, beside Upstash's limiters on a real Redis", { skip: withoutRedis }, () => {
  let redis: Redis;
  before(async () => redis = await startRedis());
  after(async () => {
    goOn();
    await redis.stop();
  });

  /** Their client, with their scripts but for the first line, which only Upstash's own Redis knows. Its clock is Date.now. */
  async function upstash(limiter: ConstructorParameters<typeof Ratelimit>[0]["limiter"]): Promise<Contender> {
    await redis.command("FLUSHALL");
    const client = {
      evalsha: () => Promise.reject(new Error("NOSCRIPT")),
      eval: (script: string, keys: string[], args: unknown[]) =>
        redis.command("EVAL", script.replace(/^#!.*/, ""), keys.length, ...keys, ...args.map(String)),
    };
    const ratelimit = new Ratelimit({
      redis: client as unknown as ConstructorParameters<typeof Ratelimit>[0]["redis"],
      limiter,
      ephemeralCache: false,
      timeout: 0,
    });
    return {
      async ask(now) {
        Date.now = () => now;
        try {
          return (await ratelimit.limit("somebody")).success;
        } finally {
          Date.now = dateNow;
        }
      },
    };
  }
  const fixed = () => upstash(Ratelimit.fixedWindow(LIMIT, `${WINDOW_MS / 1000} s`));

  itEquals(
    "@upstash/ratelimit's fixedWindow",
    fixed,
    () => weir({ algorithm: fixedWindow({ aligned: true }) }),
  );

  it("with fixedWindow() as it is lets others pass than theirs: windows open at a client's first request", async () => {
    const trace = traces["by Poisson at twice the limit"];
    assertNotEquals(await verdictsOf(weir({}), trace), await verdictsOf(await fixed(), trace));
  });

  it("with slidingWindow() is stricter than theirs, which lets more than the limit pass in a window", async () => {
    const trace = traces["in bursts of the limit and 3 with pauses"];
    const theirs = await upstash(Ratelimit.slidingWindow(LIMIT, `${WINDOW_MS / 1000} s`));
    const most = mostIn(trace, await verdictsOf(theirs, trace));
    assert(most > LIMIT, `theirs let at most ${most} pass`);
    assertEquals(mostIn(trace, await verdictsOf(weir({ algorithm: slidingWindow() }), trace)), LIMIT);
  });
});
