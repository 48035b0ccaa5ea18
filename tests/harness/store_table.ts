import { after, before, describe } from "node:test";
import { memoryStore, type Store } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { type Bridge, startBridge } from "./bridge.ts";
import { CLIENTS, type OpenClient } from "./clients.ts";
import { type Redis, startRedis, withoutRedis } from "./redis.ts";

/** Stores for the tests of one suite. */
export interface StoreRoom {
  /** A store on the same states as every other of this prefix; a memoryStore shares none. */
  open(prefix: string): Store;
  /** The round trips so far; null where there are none. */
  roundTrips(): number | null;
}

/** Generous: the tests look at verdicts, on a machine that may be busy. */
const timeoutMs = 20_000;

/** Describes something on memory, on Redis by TCP and on Redis by Upstash's protocol: the same tests of each. */
export function describeOnStores(what: string, tests: (room: StoreRoom) => void): void {
  describe(`${what}, on memory`, () => tests({ open: () => memoryStore(), roundTrips: () => null }));

  describe(`${what}, on Redis`, { skip: withoutRedis }, () => {
    let redis: Redis;
    let opened: OpenClient;
    let calls = 0;
    before(async () => {
      redis = await startRedis();
      opened = await CLIENTS[0].open(redis);
    });
    after(async () => {
      opened?.close();
      await redis?.stop();
    });
    tests({
      roundTrips: () => calls,
      open(prefix) {
        const store = redisStore({ client: opened.client, prefix, timeoutMs });
        const { decide } = store;
        return Object.assign(store, {
          decide: (...question: Parameters<Store["decide"]>) => {
            calls++;
            return decide(...question);
          },
        });
      },
    });
  });

  describe(`${what}, on Upstash`, { skip: withoutRedis }, () => {
    let redis: Redis;
    let bridge: Bridge;
    before(async () => {
      redis = await startRedis();
      bridge = await startBridge(redis);
    });
    after(async () => {
      await bridge?.close();
      await redis?.stop();
    });
    tests({
      roundTrips: () => bridge?.requests ?? 0,
      open: (prefix) => upstashStore({ url: bridge.url, token: bridge.token, prefix, timeoutMs }),
    });
  });
}
