import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import { memoryStore, slidingLog, type Store, type StoreDecision } from "../../mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { scriptText } from "../../src/stores/redis/script.ts";
import { scriptStore } from "../../src/stores/redis/script_store.ts";
import { lives, type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { type Connection, connectTo } from "../harness/resp.ts";
import {
  type Asked,
  backward,
  checkOf,
  forward,
  longLogs,
  modelStore,
  type Walk,
  walk,
  walked,
  WRAPPED,
} from "../harness/walks.ts";

/** Steps in TypeScript and their Lua twins, run by a real Redis, asked the same at the same times. */

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

  let walks = 0;
  let decided = 0;
  let calls = 0;
  let clock = 1;

  /** Walks through the asks on a store of this process, sending each to Redis as well; then compares. */
  async function compare(
    storeOf: (clock: () => number) => Store,
    walk: Walk,
    there: Store = store,
  ): Promise<void> {
    const pending: (Asked & { got: Promise<readonly StoreDecision[]> })[] = [];
    for (const asked of walked(walk, ++walks, storeOf)) {
      const { now, checks, spend } = asked;
      if (now !== clock) {
        // Earlier questions are sent first; questions of one and the same time go in one call.
        await null;
        connection.command("SET", CLOCK, clock = now, "PX", HOUR_MS).catch(() => {});
      }
      pending.push({ ...asked, got: Promise.resolve(there.decide(checks, spend)) });
    }
    const got = await Promise.all(pending.map(({ got }) => got));
    pending.forEach(({ checks, expected }, i) => {
      assertEquals(
        got[i],
        expected,
        `ask ${i} of ${checks.map(({ key, algorithm, cost }) => `${algorithm.name} ${key} ${cost}`)}`,
      );
    });
    decided += pending.length;
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
