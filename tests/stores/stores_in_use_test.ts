/** Stores as throttles use them. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { byIp, byUser } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { CLIENTS } from "../harness/clients.ts";
import { lives, startRedis, withoutRedis } from "../harness/redis.ts";
import { as, authenticate, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";

describe("the store of a throttle", () => {
  for (const { name, skip, open } of CLIENTS) {
    it(`takes a client of one's own, and keeps states under the prefix that it is given: ${name}`, {
      skip: skip || withoutRedis,
    }, async () => {
      const redis = await startRedis();
      const { client, close } = await open(redis);
      try {
        const store = redisStore({ client, prefix: "throttle", timeoutMs: 10_000 });
        const { statuses } = throttled({ name: "login", rate: "2/min" }, { store });
        assertEquals(await statuses(3), [200, 200, 429]);
        assertEquals([...(await lives(redis)).keys()], [`throttle:login/fixed-window/60000:${SOMEBODY}`]);
      } finally {
        close();
        await redis.stop();
      }
    });
  }

  it("is its own, with its own word on unsafe ones", async () => {
    const one = throttled("1/min", { unsafeStore: "ignore" });
    const other = throttled("1/min", { unsafeStore: "warn" });
    assertEquals([await one.statuses(2), await other.statuses(1)], [[200, 429], [200]]);
  });

  it("may be one's own, with the one verb decide, which reads or charges", async () => {
    const used = new Map<string, number>();
    const { throttle, statuses } = throttled("2/min", {
      store: {
        shared: false,
        decide: (checks, spend = true) =>
          checks.map(({ key, policy, cost }) => {
            const before = used.get(key) ?? 0;
            const allowed = before + cost <= policy.limit;
            if (spend && allowed) used.set(key, before + cost);
            const remaining = policy.limit - (used.get(key) ?? 0);
            return {
              ...{ rule: policy.name, limit: policy.limit, windowMs: policy.windowMs, mode: policy.mode },
              ...{ cost, allowed, remaining, resetAfterMs: 1000, retryAfterMs: allowed ? 0 : 1000 },
              ...{ blockedMs: 0, source: "store" as const, at: START },
            };
          }),
      },
    });
    assertEquals(await statuses(3), [200, 200, 429]);
    assertEquals((await throttle.peek(requestTo()))[0].remaining, 0);
  });

  it("counts each rule apart: a storage key is the rule's name and the key of its kind", async () => {
    const { send } = throttled([
      { name: "per-minute", rate: "5/min", key: byIp() },
      { name: "per-route", rate: "5/min", on: "/a", key: byIp() },
      { name: "per-user", rate: "5/min", key: byUser() },
    ], { authenticate });
    await send("/a", as(SOMEBODY));
    await send("/b", as(SOMEBODY));
    const response = await send("/a", as(SOMEBODY));
    assertEquals(response.headers.get("x-ratelimit-remaining"), "2");
  });
});
