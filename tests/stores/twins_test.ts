import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { before, describe, it } from "node:test";
import { memoryStore, slidingLog, type Store, type StoreDecision } from "../../mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { checkOf } from "../harness/checks.ts";
import { clockedStore, setClock } from "../harness/clocked_scripts.ts";
import { lives, withoutRedis } from "../harness/redis.ts";
import { suiteRedis } from "../harness/suite_redis.ts";
import {
  type Asked,
  forwardWalks,
  longLogs,
  modelStore,
  type Walk,
  walked,
  walks,
  WRAPPED,
} from "../harness/walks.ts";

/** Steps in TypeScript and their Lua twins, run by a real Redis, asked the same at the same times. */

/** On a busy machine; Bun's own limit is 5 s. */
const LONG = { timeout: 600_000 };

const FULL_PAGE = "local PAGE, WIDE = 128,";

describe("an algorithm's step and its Lua twin", { skip: withoutRedis }, () => {
  const { command, client } = suiteRedis();
  let store: Store;
  /** The same, but that a log has its pages full at two entries rather than 128, so that walks turn many. */
  let paged: Store;

  before(async () => {
    const runner = runnerOf({
      send(command, words) {
        calls++;
        return client.send(command, words);
      },
    });
    store = clockedStore(runner);
    paged = clockedStore(runner, {
      prefix: "paged",
      edit(text) {
        assert(text.includes(FULL_PAGE));
        return text.replace(FULL_PAGE, FULL_PAGE.replace("128", "2"));
      },
    });
    await setClock(command, 1);
    for (const one of [store, paged]) {
      await one.decide(
        WRAPPED.map((algorithm, i) =>
          checkOf({ key: `warm ${i}:`, algorithm, limit: 1, windowMs: 1000, mode: "shadow" })
        ),
      );
    }
  });

  let runs = 0;
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
    for (const asked of walked(walk, ++runs, storeOf)) {
      const { now, checks, spend } = asked;
      if (now !== clock) {
        // Earlier questions are sent first; questions of one and the same time go in one call.
        await null;
        setClock(command, clock = now).catch(() => {});
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
      const same = fc.asyncProperty(walks, (walk) => compare(modelStore, walk));
      await fc.assert(same, { numRuns: 400 });
    },
  );

  it(
    "agree in 45,000 random decisions over logs of dozens of entries, two to a page, corrected everywhere",
    LONG,
    async () => {
      const same = fc.asyncProperty(longLogs, (walk) => compare(modelStore, walk, paged));
      await fc.assert(same, { numRuns: 300 });
    },
  );

  it("leave no page of a log behind that nothing leads to", async () => {
    const policy = { name: "rule", limit: 100, windowMs: 1000, mode: "enforce" as const };
    const check = { key: "rule:pages", policy, algorithm: slidingLog(), cost: 1, since: null };
    let now = 1_763_800_000_000;
    const charged: number[] = [];
    const decide = async (waitMs: number, cost: number, since: number | null = null): Promise<void> => {
      await setClock(command, now += waitMs);
      const [{ chargedAt }] = await paged.decide([{ ...check, cost, since }]) as readonly StoreDecision[];
      if (since === null) charged.push(chargedAt!);
    };
    /** How many pages there are, and how many a log of so many entries can have if none that are beside each other fit into one. */
    const pages = async (): Promise<number> => Number(await command("HLEN", "paged:rule:pages")) - 1;
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
    assertEquals(await command("TYPE", "paged:rule:pages"), "string");
  });

  it(
    "the memory store and Redis, which forget what has lapsed at other times, agree in 15,000 random decisions",
    LONG,
    async () => {
      const same = fc.asyncProperty(
        forwardWalks,
        (walk) => compare((clock) => memoryStore({ clock }), walk),
      );
      await fc.assert(same, { numRuns: 150 });
    },
  );

  it("were asked at least 50,000 times, often several at once, and left no key that lives for ever", async () => {
    assert(decided >= 50_000, `${decided}`);
    assert(calls < 0.9 * decided, `${calls} calls`);
    for (const [key, ttl] of await lives({ command })) assert(ttl > 0, `${key} lives for ever`);
  });
});
