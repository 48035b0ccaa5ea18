import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { after, before, beforeEach, describe, it } from "node:test";
import {
  createThrottle,
  fixedWindow,
  gcra,
  type Rule,
  slidingWindow,
  type Store,
  type Throttle,
} from "../../../mod.ts";
import { redisStore, type RedisStoreOptions } from "../../../src/stores/redis/mod.ts";
import { upstashStore } from "../../../src/stores/upstash/mod.ts";
import { type Bridge, startBridge } from "../../harness/bridge.ts";
import { assertLivesEnd } from "../../harness/lives.ts";
import { type Redis, startRedis, withoutRedis } from "../../harness/redis.ts";
import { type Connection, connectTo } from "../../harness/resp.ts";

/** Nothing here depends on how fast the machine is, so a busy one must not make calls fail. */
const timeoutMs = 10_000;

describe("instances on one Redis", { skip: withoutRedis }, () => {
  let redis: Redis;
  let bridge: Bridge;
  const connections: Connection[] = [];
  let exchanges = 0;
  before(async () => {
    redis = await startRedis();
    bridge = await startBridge(redis);
    connections.push(connectTo(redis), connectTo(redis), connectTo(redis));
  });
  after(async () => {
    await assertLivesEnd(redis);
    for (const connection of connections) connection.close();
    await bridge.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await redis.command("FLUSHALL");
    bridge.resetCounts();
    exchanges = 0;
  });

  /** A store of an instance of its own, whose round trips are counted. */
  function storeOf(instance: number, options: Partial<RedisStoreOptions> = {}): Store {
    const send = (command: string, words: string[]) => {
      exchanges++;
      return connections[instance].command(command, ...words);
    };
    return redisStore({ client: { send }, timeoutMs, ...options });
  }

  function throttleOf(store: Store, rules: string | Rule | readonly (string | Rule)[]): Throttle {
    return createThrottle(rules, { store, client: { address: (_request, client) => client as string } });
  }

  const ask = (throttle: Throttle, client = "192.0.2.1") =>
    throttle.check(new Request("https://example.com/"), client);

  async function admitted(throttles: readonly Throttle[], each: number): Promise<number> {
    const outcomes = await Promise.all(
      Array.from({ length: each * throttles.length }, (_, i) => ask(throttles[i % throttles.length])),
    );
    return outcomes.filter(({ allowed }) => allowed).length;
  }

  for (const algorithm of [fixedWindow(), gcra(), slidingWindow()]) {
    it(`k parallel checks across two instances admit exactly the limit: ${algorithm.name}`, async () => {
      const rule: Rule = { name: "r", rate: "100/hour", algorithm };
      const throttles = [0, 1].map((instance) => throttleOf(storeOf(instance), rule));
      assertEquals(await admitted(throttles, 500), 100);
    });
  }

  it("admit no more with leases, and leave less than a lease each", async () => {
    for (const limit of [10, 100, 1000]) {
      await redis.command("FLUSHALL");
      const throttles = [0, 1, 2].map((instance) =>
        throttleOf(storeOf(instance, { lease: 20 }), { name: "r", rate: `${limit}/hour` })
      );
      let passed = 0;
      for (let i = 0; i < 30; i++) passed += await admitted(throttles, 20);
      assertLessOrEqual(passed, limit);
      assertGreater(passed, limit - 3 * 20);
    }
  });

  const RULES: Readonly<Record<string, string | Rule | readonly (string | Rule)[]>> = {
    "a fixed window": "100000/hour",
    "a sliding window": { rate: "100000/hour", algorithm: slidingWindow() },
    "three rules": ["100000/hour", "500000/day", "50000/10min"],
  };
  for (const [name, rules] of Object.entries(RULES)) {
    it(`ask at most once for 15 requests of a busy key with lease: 20: ${name}`, async () => {
      const throttle = throttleOf(storeOf(0, { lease: 20 }), rules);
      const sources = new Set<string>();
      for (let i = 0; i < 1500; i++) {
        const { allowed, decisions } = await ask(throttle);
        assert(allowed);
        assertEquals(decisions[0].remaining, 100_000 - 1 - i);
        sources.add(decisions[0].source);
      }
      assertEquals([...sources], ["store", "lease"]);
      assertLessOrEqual(exchanges, 100);
    });
  }

  it("ask as rarely over HTTP, and pay for as few commands", async () => {
    const store = upstashStore({ url: bridge.url, token: bridge.token, lease: 20, timeoutMs });
    const throttle = throttleOf(store, "100000/hour");
    for (let i = 0; i < 1500; i++) assert((await ask(throttle)).allowed);
    assertLessOrEqual(bridge.requests, 100);
    assertLessOrEqual([...bridge.commands.values()].reduce((sum, count) => sum + count, 0), 100);
  });

  it("ask as rarely when requests come 32 at a time", async () => {
    const throttle = throttleOf(storeOf(0, { lease: 20 }), "100000/hour");
    await ask(throttle);
    await ask(throttle);
    exchanges = 0;
    for (let i = 0; i < 60; i++) assertEquals(await admitted([throttle], 32), 32);
    assertLessOrEqual(exchanges, 60 * 32 / 15);
  });

  it("ask for every request of keys that do not come again", async () => {
    const throttle = throttleOf(storeOf(0, { lease: 20 }), "100/hour");
    await ask(throttle);
    exchanges = 0;
    for (let i = 2; i < 200; i++) await ask(throttle, `192.0.2.${i}`);
    assertEquals(exchanges, 198);
  });

  it("give everything back when they are closed, with hashed keys too", async () => {
    for (const options of [{}, { hashKeys: "a secret" }]) {
      const store = storeOf(0, { lease: 1000, ...options });
      const throttle = throttleOf(store, { name: "r", rate: "100000/hour" });
      for (let i = 0; i < 5; i++) await ask(throttle);
      for (let i = 0; i < 7; i++) await ask(throttle, "192.0.2.2");
      const seen = throttleOf(storeOf(1, options), { name: "r", rate: "100000/hour" });
      assertLess((await seen.usage("r", "192.0.2.1")).remaining, 100_000 - 5);
      await store.close?.();
      assertEquals((await seen.usage("r", "192.0.2.1")).remaining, 100_000 - 5);
      assertEquals((await seen.usage("r", "192.0.2.2")).remaining, 100_000 - 7);
      exchanges = 0;
      for (let i = 0; i < 5; i++) assertEquals((await ask(throttle)).decisions[0].source, "store");
      assertEquals(exchanges, 5);
    }
  });

  it("forget what they hold of a key that is reset, through any throttle on that store", async () => {
    const store = storeOf(0, { lease: 20 });
    const [first, second] = [1, 2].map(() => throttleOf(store, { name: "r", rate: "100/hour" }));
    for (let i = 0; i < 5; i++) await ask(first);
    await second.reset("r", "192.0.2.1");
    assertEquals((await ask(first)).decisions[0].source, "store");
    assertEquals((await first.usage("r", "192.0.2.1")).remaining, 99);
  });

  it("close without leases too, and the client stays open", async () => {
    const store = storeOf(0);
    await store.close?.();
    assert((await ask(throttleOf(store, "1/hour"))).allowed);
  });
});
