import { assert, assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { createThrottle, gcra } from "../../../mod.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { CLIENTS } from "../../harness/clients.ts";
import { startRedis, withoutRedis } from "../../harness/redis.ts";
import { client, requestTo } from "../../harness/throttled.ts";

const MOST = Number.MAX_SAFE_INTEGER;

/** ioredis and node-redis read the reply 9007199254740991 as 9007199254740992: findings/redis_clients_round_integers.sh. */
describe("the largest numbers that there are", { skip: withoutRedis }, () => {
  for (const { name, skip, open } of CLIENTS) {
    it(`are no failure of Redis, with ${name}`, { skip }, async () => {
      const redis = await startRedis();
      const { client: own, close } = await open(redis);
      const failures: unknown[] = [];
      const throttle = createThrottle({ name: "paused", rate: "1/s", algorithm: gcra() }, {
        store: redisStore({ client: own, timeoutMs: 10_000 }),
        client,
        observers: [({ error }) => void (error !== undefined && failures.push(error))],
      });
      const outcome = await throttle.check(requestTo());
      // A slip of a handler that pauses its caller.
      await outcome.settle("paused", MOST);
      const [paused] = await throttle.peek(requestTo());
      assertEquals([paused.source, paused.allowed], ["store", false]);
      assert(paused.resetAfterMs > MOST - 60_000 && paused.resetAfterMs <= MOST, `${paused.resetAfterMs}`);
      assertEquals(failures, []);
      await close();
      await redis.stop();
    });
  }
});
