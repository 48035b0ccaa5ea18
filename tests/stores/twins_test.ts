import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import {
  type Algorithm,
  type Check,
  concurrency,
  decideChecks,
  fixedWindow,
  gcra,
  memoryStore,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
} from "../../mod.ts";
import { withBlock } from "../../src/algorithms/block.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { scriptText } from "../../src/stores/redis/script.ts";
import { scriptStore } from "../../src/stores/redis/script_store.ts";
import { lives, type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { type Connection, connectTo } from "../harness/resp.ts";

/** Steps in TypeScript and their Lua twins, run by a real Redis, asked the same at the same times. */

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 1 }),
  gcra({ burst: 25 }),
  slidingLog(),
  slidingWindow(),
  slidingWindow({ slots: 1 }),
  slidingWindow({ slots: 1000 }),
  concurrency({ lease: "1s" }),
];
const BLOCKS = [
  { after: 1, windowMs: 1000, forMs: 50, growth: 1, maxMs: 50 },
  { after: 3, windowMs: 500, forMs: 1000, growth: 1.7, maxMs: 20_000 },
];
/** Every algorithm bare, then under each block. */
const WRAPPED: readonly Algorithm[] = [
  ...ALGORITHMS,
  ...BLOCKS.flatMap((block) => ALGORITHMS.map((algorithm) => withBlock(algorithm, block) as Algorithm)),
];

/** The algorithms that remember a list of charges. */
const LOGS: readonly string[] = ["sliding-log", "sliding-log", "sliding-window", "concurrency"];

const rule = fc.record({
  algorithm: fc.nat(WRAPPED.length - 1),
  limit: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.constantFrom(100, 999_999)),
  windowMs: fc.constantFrom(1, 2, 7, 100, 1000, 1000, 60_000, 86_400_000),
  mode: fc.constantFrom("enforce", "enforce", "shadow"),
  /** Null: windows of a fixed length; else periods of a calendar, as a process sees them whose clock is so many windows ahead. */
  ahead: fc.constantFrom(null, null, 0, 0, 0.5, -0.5, 9, -9),
});

/** Periods of several lengths, around a time. */
function periodsAround(now: number, windowMs: number): readonly number[] {
  const start = (n: number): number => n * windowMs + (n * 7919) % Math.ceil(windowMs / 2);
  let n = Math.floor(now / windowMs);
  while (start(n) > now) n--;
  while (start(n + 1) <= now) n++;
  return [n - 1, n, n + 1, n + 2].map(start);
}

/** How far the clock goes before an ask, in windows and ms: it stands, walks, jumps. */
const forward = fc.record({
  windows: fc.constantFrom<number>(0, 0, 0, 0, 0.01, 0.1, 0.34, 1, 1, 3),
  ms: fc.constantFrom<number>(0, 0, 0, 1, 1, 17),
});
const backward = fc.record({
  windows: fc.constantFrom<number>(0, 0, -0.5, -2),
  ms: fc.constantFrom<number>(0, -1, -1, -20),
});

const ask = {
  partition: fc.constantFrom("a", "a", "b"),
  /** Which of the rules. */
  rules: fc.integer({ min: 1, max: 15 }),
  /** Costs from 0 to limit + 1. */
  costs: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }),
  kind: fc.constantFrom("request", "request", "request", "request", "peek", "correction", "correction"),
  /** The charge that a correction reaches back to, and by how much it changes it. */
  back: fc.nat(6),
  change: fc.integer({ min: -9, max: 4 }),
};

const ASKS = 100;
const walk = (step: typeof forward, raised: fc.Arbitrary<number>) =>
  fc.record({
    rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
    asks: fc.array(fc.record({ step, raised, ...ask }), { minLength: ASKS, maxLength: ASKS }),
  });
type Walk = ReturnType<typeof walk> extends fc.Arbitrary<infer T> ? T : never;

/** A rule that remembers charges, few units each, most of them corrected at some time. */
const longLogs: fc.Arbitrary<Walk> = fc.record({
  rules: rule.map((one): readonly [Walk["rules"][number]] => [{
    ...one,
    algorithm: WRAPPED.findIndex(({ name }) => name === LOGS[one.algorithm % LOGS.length]),
    limit: 60,
    windowMs: 1000,
  }]).map((rules) => [...rules]),
  asks: fc.array(
    fc.record({
      ...ask,
      step: fc.record({
        windows: fc.constantFrom(...new Array<number>(60).fill(0), 0.3, 0.5, 0.9, 1, -0.3, -0.6, -1.2, -3),
        ms: fc.constantFrom(0, 1, 1, 2, 3, 9),
      }),
      raised: fc.constant(0),
      costs: fc.array(fc.constantFrom(1, 1, 1, 2, 0), { minLength: 4, maxLength: 4 }),
      kind: fc.constantFrom("request", "request", "correction"),
      back: fc.nat(60),
      change: fc.constantFrom(-2, -1, -1, -1, 1, 3),
    }),
    { minLength: 150, maxLength: 150 },
  ),
});

/** The model: a Map that forgets nothing when it lapses, as a real store may. */
function modelStore(clock: () => number): Store {
  const states = new Map<string, unknown>();
  return {
    shared: false,
    decide: (checks, spend = true) =>
      decideChecks(checks, spend, clock(), {
        load: ({ key }) => states.get(key) ?? null,
        save: ({ key }, state) => states.set(key, state),
      }),
  };
}

/** On a busy machine; Bun's own limit is 5 s. */
const LONG = { timeout: 600_000 };

const CLOCK = "the clock";
const FULL_PAGE = "local PAGE, WIDE = 128,";
const HOUR_MS = 3_600_000;

describe("an algorithm's step and its Lua twin", { skip: withoutRedis }, () => {
  let redis: Redis;
  let connection: Connection;
  let store: Store;
  /** The same, but that a log has its pages full at two entries rather than 128, so that walks turn many. */
  let paged: Store;

  before(async () => {
    redis = await startRedis();
    connection = connectTo(redis);
    const client = {
      send(command: string, words: string[]) {
        calls++;
        return connection.command(command, ...words);
      },
    };
    const settings = {
      name: "redisStore()",
      prefix: "weir",
      timeoutMs: 250,
      denyCache: true,
      hashKeys: null,
      lease: null,
    };
    // The walk's own time, and keys that outlive the real time that it takes.
    const scriptOf: typeof scriptText = (twins) =>
      scriptText(twins, `local now = tonumber(redis.call('GET', '${CLOCK}'))`, HOUR_MS);
    store = scriptStore(runnerOf(client), settings, scriptOf);
    const smallPages: typeof scriptText = (twins) => {
      const text = scriptOf(twins);
      assert(text.includes(FULL_PAGE));
      return text.replace(FULL_PAGE, FULL_PAGE.replace("128", "2"));
    };
    paged = scriptStore(runnerOf(client), { ...settings, prefix: "paged" }, smallPages);
    await connection.command("SET", CLOCK, 1, "PX", HOUR_MS);
    for (const one of [store, paged]) {
      await one.decide(WRAPPED.map((algorithm, i) => checkOf(algorithm, `warm ${i}`, 1, 1000, "shadow", 1)));
    }
  });
  after(async () => {
    connection.close();
    await redis.stop();
  });

  function checkOf(
    algorithm: Algorithm,
    key: string,
    limit: number,
    windowMs: number,
    mode: string,
    cost: number,
  ): Check {
    const policy = {
      name: key.slice(0, key.indexOf(":")),
      limit,
      windowMs,
      mode: mode as "enforce" | "shadow",
    };
    return { key, policy, algorithm, cost, since: null };
  }

  let walks = 0;
  let decided = 0;
  let calls = 0;
  let clock = 1;

  /** Walks through the asks on a store of this process, sending each to Redis as well; then compares. */
  async function compare(
    storeOf: (clock: () => number) => Store,
    { rules, asks }: Walk,
    there: Store = store,
  ): Promise<void> {
    const run = ++walks;
    let now = 1_763_800_000_000 + run;
    const here = storeOf(() => now);
    const charges: { check: Check; decision: StoreDecision }[] = [];
    const told: {
      checks: readonly Check[];
      expected: readonly StoreDecision[];
      got: Promise<readonly StoreDecision[]>;
    }[] = [];
    for (const { step, partition, rules: mask, costs, raised, kind, back, change } of asks) {
      now = Math.max(0, now + Math.round(step.windows * rules[0].windowMs) + step.ms);
      const corrected = kind === "correction" ? charges.at(-1 - back) : undefined;
      let checks: readonly Check[] = rules.filter((_, i) => (mask >> i) % 2 === 1 || i === 0).map((r, i) => {
        const limit = Math.max(1, r.limit + raised);
        const check = checkOf(
          WRAPPED[r.algorithm],
          `rule${rules.indexOf(r)}:${run}:${partition}`,
          limit,
          r.windowMs,
          r.mode,
          Math.min(costs[i], limit + 1),
        );
        if (r.ahead === null || !check.algorithm.countsPeriods) return check;
        const boundaries = periodsAround(now + r.ahead * r.windowMs, r.windowMs);
        return { ...check, policy: { ...check.policy, boundaries } };
      });
      if (corrected !== undefined) {
        const { check, decision } = corrected;
        checks = [{ ...check, cost: Math.max(-check.cost, change), since: decision.chargedAt! }];
        const { boundaries, windowMs } = check.policy;
        // Of a period that has ended since, a store may show the units used or not.
        if (boundaries !== undefined && storeOf !== modelStore) {
          const { ahead } = rules[Number(/^rule(\d)/.exec(check.key)![1])];
          const policy = { ...check.policy, boundaries: periodsAround(now + ahead! * windowMs, windowMs) };
          checks = [{ ...checks[0], policy }];
        }
      }
      const spend = kind !== "peek";
      const expected = here.decide(checks, spend) as readonly StoreDecision[];
      if (now !== clock) {
        // Earlier questions are sent first; questions of one and the same time go in one call.
        await null;
        connection.command("SET", CLOCK, clock = now, "PX", HOUR_MS).catch(() => {});
      }
      told.push({ checks, expected, got: Promise.resolve(there.decide(checks, spend)) });
      if (spend && corrected === undefined && expected.every((d) => d.allowed || d.mode === "shadow")) {
        expected.forEach((decision, i) => decision.allowed && charges.push({ check: checks[i], decision }));
      }
    }
    const got = await Promise.all(told.map(({ got }) => got));
    told.forEach(({ checks, expected }, i) => {
      assertEquals(
        got[i],
        expected,
        `ask ${i} of ${checks.map(({ key, algorithm, cost }) => `${algorithm.name} ${key} ${cost}`)}`,
      );
    });
    decided += told.length;
  }

  it(
    "agree in 40,000 random decisions of 1 to 4 rules, with refunds, peeks, shadows, blocks, changed limits, calendar periods and clocks that step back",
    LONG,
    async () => {
      const steps = fc.oneof({ weight: 6, arbitrary: forward }, { weight: 1, arbitrary: backward });
      // Now and then a rate from a function gives another limit.
      const limits = fc.constantFrom(0, 0, 0, 0, 0, 0, 3, -2);
      const same = fc.asyncProperty(walk(steps, limits), (walked) => compare(modelStore, walked));
      await fc.assert(same, { numRuns: 400 });
    },
  );

  it(
    "agree in 45,000 random decisions over logs of dozens of entries, two to a page, corrected everywhere",
    LONG,
    async () => {
      const same = fc.asyncProperty(longLogs, (walked) => compare(modelStore, walked, paged));
      await fc.assert(same, { numRuns: 300 });
    },
  );

  it("leave no page of a log behind that nothing leads to", async () => {
    const policy = { name: "rule", limit: 100, windowMs: 1000, mode: "enforce" as const };
    const check = { key: "rule:pages", policy, algorithm: slidingLog(), cost: 1, since: null };
    let now = 1_763_800_000_000;
    const charged: number[] = [];
    const decide = async (waitMs: number, cost: number, since: number | null = null): Promise<void> => {
      await connection.command("SET", CLOCK, now += waitMs, "PX", HOUR_MS);
      const [{ chargedAt }] = await paged.decide([{ ...check, cost, since }]) as readonly StoreDecision[];
      if (since === null) charged.push(chargedAt!);
    };
    /** How many pages there are, and how many a log of so many entries can have if none that are beside each other fit into one. */
    const pages = async (): Promise<number> =>
      Number(await connection.command("HLEN", "paged:rule:pages")) - 1;
    for (let i = 0; i < 40; i++) await decide(3, 1);
    assertEquals(await pages(), 19);
    // Every other entry, then every other of what is left, from the middle outwards.
    for (const every of [2, 4]) {
      for (let i = 0; i < 40; i += every) await decide(0, -1, charged[(i + 20) % 40]);
    }
    assert(await pages() <= 10, `${await pages()} pages`);
    // All but the last few leave.
    await decide(charged[37] + 999 - now, 1);
    assert(await pages() <= 2, `${await pages()} pages`);
    // A clock that is set back far makes one entry of all.
    for (let i = 0; i < 40; i++) await decide(3, 1);
    await decide(-1_000_000, 1);
    assertEquals(await connection.command("TYPE", "paged:rule:pages"), "string");
  });

  it(
    "the memory store and Redis, which forget what has lapsed at other times, agree in 15,000 random decisions",
    LONG,
    async () => {
      const same = fc.asyncProperty(
        walk(forward, fc.constant(0)),
        (walked) => compare((clock) => memoryStore({ clock }), walked),
      );
      await fc.assert(same, { numRuns: 150 });
    },
  );

  it("were asked at least 50,000 times, often several at once, and left no key that lives for ever", async () => {
    assert(decided >= 50_000, `${decided}`);
    assert(calls < 0.9 * decided, `${calls} calls`);
    for (const [key, ttl] of await lives(redis)) assert(ttl > 0, `${key} lives for ever`);
  });
});
