import { assert, assertEquals } from "@std/assert";
import { before, describe, it } from "node:test";
import {
  type Algorithm,
  type Check,
  concurrency,
  memoryStore,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
} from "../../../mod.ts";
import { runnerOf } from "../../../src/stores/redis/redis_clients.ts";
import { clockedStore, setClock } from "../../harness/clocked_scripts.ts";
import { withoutRedis } from "../../harness/redis.ts";
import { suiteRedis } from "../../harness/suite_redis.ts";

const MINUTE = 60_000;
const START = 1_763_800_000_000;
/** Ten times what a decision may take: what grows with a log takes thirty times as much, and more. */
const MAX_USEC = 3000;

/** The largest that each of them accepts, or, of concurrency, as many slots as anybody has. */
const LARGE: readonly (readonly [title: string, Algorithm, limit: number, everyMs: number])[] = [
  ["slidingLog of 10,000", slidingLog(), 10_000, 4],
  ["slidingWindow of 1000 slots", slidingWindow({ slots: 1000 }), 1_000_000, 60],
  ["concurrency of 60,000", concurrency({ lease: "1min" }), 60_000, 5],
];

describe("a rule with a large limit on Redis", { skip: withoutRedis }, () => {
  const { command, client } = suiteRedis();
  let store: Store;

  before(async () => {
    store = clockedStore(runnerOf(client));
    // Redis has the script from here on, so that what is asked is sent at once.
    await setClock(command, START);
    await store.decide(LARGE.map(([title, algorithm]) => {
      const policy = { name: "warm", limit: 1, windowMs: MINUTE, mode: "shadow" as const };
      return { key: `warm:${title}`, policy, algorithm, cost: 1, since: null };
    }));
  });

  for (const [title, algorithm, limit, everyMs] of LARGE) {
    it(`${title}: decides as in memory, and in a time that does not grow with the log`, async () => {
      const clock = { now: START };
      const here = memoryStore({ clock: () => clock.now });
      const policy = { name: "rule", limit, windowMs: MINUTE, mode: "enforce" as const };
      const charges: number[] = [];

      async function decide(waitMs: number, cost: number, since: number | null = null): Promise<void> {
        clock.now += waitMs;
        const check: Check = { key: `rule:${title}`, policy, algorithm, cost, since };
        const [expected] = here.decide([check]) as readonly StoreDecision[];
        if (since === null && expected.allowed) charges.push(expected.chargedAt!);
        setClock(command, clock.now).catch(() => {});
        const got = store.decide([check]);
        await null;
        pending.push({ expected, got: Promise.resolve(got).then(([decision]) => decision) });
        if (pending.length >= 200) await settle();
      }
      const pending: { expected: StoreDecision; got: Promise<StoreDecision> }[] = [];
      async function settle(): Promise<void> {
        for (const { expected, got } of pending.splice(0)) assertEquals(await got, expected);
      }
      /** The processor time of Redis so far, in us: a time by the clock would count the tests beside this one. */
      async function usedUsec(): Promise<number> {
        const info = String(await command("INFO", "cpu"));
        const seconds = (kind: string) => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)![1]);
        return (seconds("user") + seconds("sys")) * 1e6;
      }
      /** The time of Redis per decision, in us, with all that is asked beside it. */
      async function usec(run: () => Promise<void>): Promise<number> {
        await settle();
        await command("CONFIG", "RESETSTAT");
        const before = await usedUsec();
        await run();
        await settle();
        const used = await usedUsec() - before;
        const stats = String(await command("INFO", "commandstats"));
        return used / Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)![1]);
      }
      const times = async (count: number, ask: (i: number) => Promise<void>): Promise<void> => {
        for (let i = 0; i < count; i++) await ask(i);
      };

      await times(Math.min(limit, MINUTE / everyMs), () => decide(everyMs, 1));
      const spent = {
        charge: await usec(() => times(100, () => decide(everyMs, 1))),
        refuse: await usec(() => times(100, () => decide(0, limit))),
        peekAtWhole: await usec(() => times(50, () => decide(0, 0))),
        correct: await usec(() =>
          times(
            100,
            (i) => decide(0, -1, charges[Math.floor(charges.length * (0.1 + 0.89 * ((i * 0.618) % 1)))]),
          )
        ),
        halfGone: await usec(() => times(10, (i) => decide(i === 0 ? MINUTE / 2 : 1, 1))),
        clockBack: await usec(() => times(10, (i) => decide(i === 0 ? -3 * MINUTE : 1, 1))),
      };
      for (const [what, us] of Object.entries(spent)) {
        assert(us < MAX_USEC, `${what} takes ${Math.round(us)} us of Redis`);
      }
      assert(Number(await command("PTTL", `weir:rule:${title}`)) > 0);
    });
  }

  it("keeps a log of a few charges as one text, and one of many in pages", async () => {
    const policy = { name: "rule", limit: 1000, windowMs: MINUTE, mode: "enforce" as const };
    const types: unknown[] = [];
    for (const [from, to] of [[0, 10], [10, 300]]) {
      for (let i = from; i < to; i++) {
        await setClock(command, START + i);
        await store.decide([{ key: "rule:kept", policy, algorithm: slidingLog(), cost: 1, since: null }]);
      }
      types.push(await command("TYPE", "weir:rule:kept"));
    }
    assertEquals(types, ["string", "hash"]);
    // Once what fills pages has left, so have they.
    await setClock(command, START + MINUTE + 290);
    await store.decide([{ key: "rule:kept", policy, algorithm: slidingLog(), cost: 1, since: null }]);
    assertEquals(await command("TYPE", "weir:rule:kept"), "string");
  });
});
