import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { concurrency, createThrottle, fixedWindow, gcra, slidingLog, slidingWindow } from "../../../mod.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { checkOf } from "../../harness/checks.ts";
import { CLIENTS } from "../../harness/clients.ts";
import { type Redis, startRedis, withoutRedis } from "../../harness/redis.ts";

/** The commands that a user of Redis needs for redisStore, as its documentation lists them. */
const COMMANDS = ["evalsha", "eval", "get", "set", "del", "pttl", "hget", "hset", "hdel", "pexpire", "time"];

/** A log with a page that has long left and one that has not: its fields. */
const LOG = (() => {
  const digits = (number: number): string =>
    Array.from({ length: 9 }, (_, i) => String.fromCharCode(48 + Math.floor(number / 64 ** (8 - i)) % 64))
      .join("");
  const now = Date.now();
  const [old, young] = [1, now].map((time) => digits(time) + digits(1));
  return ["", `sliding-log 1 1 1 1 ${now} 1 1|${digits(now + 1)}${digits(1)}`, "1", old, `${now}`, young];
})();

describe("a Redis user with the rights that redisStore() asks for", { skip: withoutRedis }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis();
    await redis.command("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all");
    await redis.command("AUTH", "admin", "");
    await permit(COMMANDS);
  });
  after(() => redis.stop());

  /** Clients come as the default user. */
  const permit = (commands: readonly string[]) =>
    redis.command(
      "ACL",
      "SETUSER",
      "default",
      "reset",
      "on",
      "nopass",
      "~weir:*",
      ...commands.map((name) => `+${name}`),
    );

  it("are those in its documentation", () => {
    const text = readFileSync("src/stores/redis/mod.ts", "utf8");
    assertEquals(text.includes(COMMANDS.map((name) => `+${name}`).join(" ")), true);
  });

  for (const { name, skip, open } of CLIENTS) {
    it(`is all that it takes with ${name}: deciding, correcting, peeking, resetting, probing, leases`, {
      skip,
    }, async () => {
      await redis.command("FLUSHALL");
      await redis.command("SCRIPT", "FLUSH");
      const { client, close } = await open(redis);
      const store = redisStore({ client, timeoutMs: 10_000, lease: 10 });
      const events: unknown[] = [];
      const throttle = createThrottle([
        { name: "fixed", rate: "3/hour", algorithm: fixedWindow(), block: { after: 1, window: 60, for: 60 } },
        { name: "gcra", rate: "50/hour", algorithm: gcra() },
        { name: "log", rate: "50/hour", algorithm: slidingLog(), count: "failures" },
        { name: "sliding", rate: "50/hour", algorithm: slidingWindow() },
        { name: "slots", rate: { limit: 5 }, algorithm: concurrency({ lease: "1min" }) },
      ], {
        store,
        client: { address: () => "192.0.2.1" },
        observers: [({ type, error }) => type === "store" && events.push(error)],
      });
      const handler = throttle.wrap(() => new Response("done"));
      const request = new Request("https://example.com/");
      const statuses = [];
      for (let i = 0; i < 5; i++) {
        const response = await handler(request);
        await response.text();
        statuses.push(response.status);
      }
      assertEquals(statuses, [200, 200, 200, 429, 429]);
      // A key whose expiry somebody took away.
      await redis.command("PERSIST", "weir:log:192.0.2.1");
      await throttle.peek(request);
      await throttle.reset("fixed", "192.0.2.1");
      assertEquals((await handler(request)).status, 200);
      const part = await store.partOf!(checkOf());
      await part.probe!();
      const leased = createThrottle({ name: "leased", rate: "1000/hour" }, {
        store,
        client: { address: () => "192.0.2.1" },
      });
      for (let i = 0; i < 20; i++) await leased.check(request);
      await store.close!();
      assertEquals(events, []);
      await close();
    });
  }

  for (const missing of COMMANDS) {
    it(`needs ${missing}`, async () => {
      const { client, close } = await CLIENTS[0].open(redis);
      const store = redisStore({ client, timeoutMs: 10_000 });
      await redis.command("SCRIPT", "FLUSH");
      await redis.command("FLUSHALL");
      await permit(COMMANDS.filter((name) => name !== missing));
      const error = await assertRejects(async () => {
        await store.decide([checkOf({ cost: 2 })]);
        await redis.command("PERSIST", "weir:rule:somebody");
        await store.decide([checkOf({ cost: 2 })]);
        await redis.command("HSET", "weir:rule:log", ...LOG);
        await store.decide([checkOf({ key: "rule:log", algorithm: slidingLog(), limit: 10 })]);
        await store.forget!("rule:somebody");
      }, Error);
      assertMatch((error as Error).message, /NOPERM|can't run this command/);
      await permit(COMMANDS);
      await close();
    });
  }
});
