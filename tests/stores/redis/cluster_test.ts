import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import fc from "fast-check";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type Algorithm, fixedWindow, gcra, slidingLog, type Store } from "../../../mod.ts";
import { withBlock } from "../../../src/algorithms/block.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { slotOf } from "../../../src/stores/redis/cluster_slot.ts";
import { checkOf, checksOf } from "../../harness/checks.ts";
import { CLUSTER_CLIENTS, type OpenClient } from "../../harness/clients.ts";
import { type RedisCluster, startCluster } from "../../harness/cluster.ts";
import { assertLivesEnd } from "../../harness/lives.ts";
import { lives, withoutRedis } from "../../harness/redis.ts";
import { until } from "../../harness/until.ts";

describe("the slot of a key", () => {
  const vectors: readonly [string, number][] = [
    ["", 0],
    ["123456789", 12739],
    ["foo", 12182],
    ["{user1000}.following", 3443],
    ["{user1000}.followers", 3443],
    ["foo{}{bar}", 8363],
  ];
  for (const [key, slot] of vectors) {
    it(`is ${slot} for ${JSON.stringify(key)}`, () => assertEquals(slotOf(key), slot));
  }

  it("is that of its first hash tag, unless that is empty", () => {
    assertEquals(slotOf("a{b}c{d}"), slotOf("b"));
    assertEquals(slotOf("foo{{bar}}zap"), slotOf("{bar"));
    assertEquals(slotOf("a{b"), slotOf("{a{b}"));
  });
});

describe("redisStore on a Redis Cluster of three masters", { skip: withoutRedis }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());
  beforeEach(async () => {
    for (const node of cluster.nodes) {
      await node.command("FLUSHALL");
      await node.command("CONFIG", "RESETSTAT");
    }
  });
  afterEach(async () => {
    for (const node of cluster.nodes) await assertLivesEnd(node);
  });

  it("takes every key for the slot that Redis takes it for", async () => {
    const text = fc.string({
      unit: fc.constantFrom("{", "}", "a", "b", ":", "*", "é", "日", "\n"),
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(text, async (key) => {
        assertEquals(slotOf(key), await cluster.nodes[0].command("CLUSTER", "KEYSLOT", key));
      }),
      { numRuns: 500 },
    );
  });

  for (const { name, skip, open } of CLUSTER_CLIENTS) {
    describe(`with ${name}`, { skip }, () => {
      let opened: OpenClient;
      let store: Store;
      before(async () => {
        opened = await open(cluster);
        store = redisStore({ client: opened.client, timeoutMs: 10_000 });
        // A client may connect once more where the machine paused meanwhile.
        await until(async () =>
          await Promise.resolve(store.decide(checksOf(10))).then(() => true, () => false)
        );
      });
      after(() => opened.close());

      /** How often a command was called on each node. */
      async function calls(command: string): Promise<number[]> {
        const infos = await Promise.all(cluster.nodes.map((node) => node.command("INFO", "commandstats")));
        return infos.map((info) =>
          Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(String(info))?.[1] ?? 0)
        );
      }
      const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

      it("decides ten rules in ten slots, with one call a slot", async () => {
        await store.decide(checksOf(10));
        for (const node of cluster.nodes) await node.command("CONFIG", "RESETSTAT");
        const decisions = await store.decide(checksOf(10));
        assertEquals(decisions.map(({ rule }) => rule), checksOf(10).map(({ policy }) => policy.name));
        assertEquals(decisions.map(({ remaining }) => remaining), Array.from({ length: 10 }, () => 1));
        const scripts = await calls("evalsha");
        assertEquals(sum(scripts), new Set(checksOf(10).map(({ key }) => slotOf(`weir:${key}`))).size);
        for (const count of scripts) assertGreater(count, 0);
      });

      it("decides rules of one slot, by a hash tag in the partition, with one call", async () => {
        const checks = checksOf(10).map((check) => ({ ...check, key: `${check.policy.name}:{somebody}` }));
        await store.decide(checks);
        for (const node of cluster.nodes) await node.command("CONFIG", "RESETSTAT");
        await store.decide(checks);
        assertEquals(sum(await calls("evalsha")), 1);
      });

      it("gives back what other slots charged when one refuses, under every algorithm", async () => {
        for (const algorithm of [fixedWindow(), gcra(), slidingLog()]) {
          const checks = checksOf(10, { algorithm, limit: 5, cost: 2 });
          const full = checkOf({ key: "full:somebody", algorithm, limit: 1 });
          await store.decide([full]);
          const decisions = await store.decide([...checks, full]);
          assertEquals(decisions.map(({ allowed }) => allowed), [...checks.map(() => true), false]);
          assertEquals(decisions.map(({ remaining }) => remaining), [...checks.map(() => 5), 0]);
          assertEquals(decisions.map(({ resetAfterMs }) => resetAfterMs > 0), [
            ...checks.map(() => false),
            true,
          ]);
          const after = await store.decide(checks, false);
          assertEquals(after.map(({ remaining }) => remaining), checks.map(() => 5));
          for (const node of cluster.nodes) await node.command("FLUSHALL");
        }
      });

      it("lets exactly the limit pass of 200 at once, beside nine rules with room", async () => {
        const checks = [...checksOf(9, { limit: 1000 }), checkOf({ key: "narrow:somebody", limit: 10 })];
        const answers = await Promise.all(Array.from({ length: 200 }, () => store.decide(checks)));
        assertEquals(answers.filter((decisions) => decisions.every(({ allowed }) => allowed)).length, 10);
        const after = await store.decide(checks, false);
        assertEquals(after.map(({ remaining }) => remaining), [...checksOf(9).map(() => 990), 0]);
      });

      it("leaves a meter as it was when 400 at once are refused elsewhere, three times", async () => {
        const full = checkOf({ key: "full:somebody", limit: 1 });
        const meter = checkOf({ key: "rule1:somebody", algorithm: gcra(), limit: 60 });
        await store.decide([full]);
        for (let round = 0; round < 3; round++) {
          const answers = await Promise.all(Array.from({ length: 400 }, () => store.decide([meter, full])));
          assert(answers.every(([, { allowed }]) => !allowed));
          const [{ remaining, resetAfterMs }] = await store.decide([meter], false);
          assertEquals([remaining, resetAfterMs], [60, 0]);
        }
        const passed = await Promise.all(Array.from({ length: 61 }, () => store.decide([meter])));
        assertEquals(passed.filter(([{ allowed }]) => allowed).length, 60);
      });

      it("never lets more than a limit pass where several rules are narrow", async () => {
        const checks = checksOf(4, { limit: 10 });
        const answers = await Promise.all(Array.from({ length: 100 }, () => store.decide(checks)));
        const passed = answers.filter((decisions) => decisions.every(({ allowed }) => allowed)).length;
        assert(passed <= 10, `${passed}`);
        const after = await store.decide(checks, false);
        assertEquals(after.map(({ remaining }) => remaining), checks.map(() => 10 - passed));
      });

      it("keeps what a shadow rule's refusal says, and does not give back for it", async () => {
        const [shadow, ...others] = checksOf(5, { limit: 1 });
        const shadowed = { ...shadow, policy: { ...shadow.policy, mode: "shadow" as const } };
        await store.decide([shadowed]);
        const decisions = await store.decide([shadowed, ...others]);
        assertEquals(decisions.map(({ allowed }) => allowed), [false, true, true, true, true]);
        assertEquals((await store.decide(others, false)).map(({ remaining }) => remaining), [0, 0, 0, 0]);
      });

      it("counts a refusal towards its block although the request is given back elsewhere", async () => {
        const block = { after: 2, windowMs: 60_000, forMs: 60_000, growth: 1, maxMs: 60_000 };
        const algorithm = withBlock(fixedWindow(), block) as Algorithm;
        const checks = [checkOf({ key: "blocked:somebody", algorithm, limit: 1 }), ...checksOf(4)];
        const blocked = [];
        for (let i = 0; i < 3; i++) blocked.push((await store.decide(checks))[0].blockedMs! > 0);
        assertEquals(blocked, [false, false, true]);
        assertEquals((await store.decide(checksOf(4), false)).map(({ remaining }) => remaining), [
          2,
          2,
          2,
          2,
        ]);
      });

      it("peeks at all slots without spending", async () => {
        await store.decide(checksOf(5), false);
        for (const node of cluster.nodes) assertEquals((await lives(node)).size, 0);
      });

      it("sends the script where a node has forgotten it", async () => {
        await store.decide(checksOf(10));
        await cluster.nodes[1].command("SCRIPT", "FLUSH");
        assertEquals((await store.decide(checksOf(10))).length, 10);
      });

      it("forgets a key wherever it is", async () => {
        const checks = checksOf(5, { limit: 1 });
        await store.decide(checks);
        for (const { key } of checks) await store.forget?.(key);
        assert((await store.decide(checks)).every(({ allowed }) => allowed));
      });
    });
  }

  it("gives back what other slots charged when one of them fails, and rejects with its error", async () => {
    const { client, close } = await CLUSTER_CLIENTS[0].open(cluster);
    const store = redisStore({ client, timeoutMs: 5000 });
    const checks = checksOf(10);
    const [node] = cluster.nodes;
    const slots = await node.command("CLUSTER", "SLOTS") as [number, number, [string, number]][];
    const own = slots.find(([, , [, port]]) => port === node.port) as [number, number, unknown];
    const isThere = ({ key }: { key: string }) => {
      const slot = slotOf(`weir:${key}`);
      return slot >= own[0] && slot <= own[1];
    };
    assert(checks.some(isThere) && !checks.every(isThere));
    await node.command("CONFIG", "SET", "maxmemory", 1);
    await assertRejects(async () => await store.decide(checks), Error, "OOM");
    await node.command("CONFIG", "SET", "maxmemory", 0);
    const after = await store.decide(checks, false);
    assertEquals(after.map(({ remaining }) => remaining), checks.map(() => 3));
    await close();
  });
});
