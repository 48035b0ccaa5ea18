import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { Redis as Ioredis } from "ioredis";
import { after, before, describe, it } from "node:test";
import { createClient } from "redis";
import { createThrottle, type Store } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { startBridge } from "../harness/bridge.ts";
import { listenToConsole } from "../harness/console.ts";
import { freePort } from "../harness/free_port.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { runtime } from "../harness/runtime.ts";
import { until } from "../harness/until.ts";

/** Stores that cannot be used from the start, or to which their client never comes back by itself. */

/** Of a client that waits for ever. */
const TIMEOUT_MS = 500;
/** Of one that fails at once, and is to answer once it can be used, on a machine that may be busy. */
const PATIENT_MS = 10_000;
const REQUESTS = 30;
const request = new Request("https://example.com/");

/** So many open the breaker: the rest must not wait for anything. */
const MAX_ASKED = 5;
/** The time after which it is tried again. */
const PROBE_MS = 1000;

interface Unreachable {
  readonly store: Store;
  /** Makes it usable, if that can be. */
  mend?(): unknown;
  close(): unknown;
}

interface Row {
  readonly fault: string;
  readonly skip?: string | false;
  /** The reason, as operators read it. */
  readonly reason: RegExp;
  open(redis: Redis): Promise<Unreachable>;
}

const NOT_TWICE = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, retryStrategy: () => 50 };

interface BunClient {
  connect(): Promise<void>;
  send(command: string, words: string[]): Promise<unknown>;
  close(): void;
  readonly connected: boolean;
}

const ROWS: readonly Row[] = [
  {
    fault: "HTTP: a wrong token",
    reason: /WRONGPASS/,
    async open(redis) {
      const bridge = await startBridge({ path: redis.path }, "the-right-token");
      return {
        store: upstashStore({ url: bridge.url, token: "a-wrong-token", timeoutMs: PATIENT_MS }),
        close: bridge.close,
      };
    },
  },
  {
    fault: "HTTP: a host that does not resolve",
    reason: /./,
    open: () =>
      Promise.resolve({
        store: upstashStore({ url: "http://redis.invalid", token: "a-token", timeoutMs: TIMEOUT_MS }),
        close() {},
      }),
  },
  {
    fault: "TCP: a host that does not resolve",
    reason: /./,
    open() {
      const client = new Ioredis({ host: "redis.invalid", ...NOT_TWICE }).on("error", () => {});
      return Promise.resolve({
        store: redisStore({ client, timeoutMs: TIMEOUT_MS }),
        close: () => client.disconnect(),
      });
    },
  },
  {
    fault: "TCP: nobody listens there",
    reason: /The client has no connection to Redis, so it says: .*max retries|did not answer|closed/,
    async open() {
      const client = new Ioredis({ port: await freePort(), ...NOT_TWICE }).on("error", () => {});
      return { store: redisStore({ client, timeoutMs: TIMEOUT_MS }), close: () => client.disconnect() };
    },
  },
  {
    fault: "TCP: a client that was never connected",
    reason: /client is closed/,
    open(redis) {
      const client = createClient({ url: redis.url, disableOfflineQueue: true }).on("error", () => {});
      return Promise.resolve({
        store: redisStore({ client, timeoutMs: PATIENT_MS }),
        mend: () => client.connect(),
        close: () => client.destroy(),
      });
    },
  },
  {
    fault: "TCP: Bun's client, which has given up",
    skip: runtime !== "bun" && "only on Bun",
    reason: /reconnection attempts|Connection has failed|[Cc]onnection closed/,
    async open() {
      const own = await startRedis();
      const { Bun } = globalThis as unknown as {
        Bun: { RedisClient: new (url: string, options: object) => BunClient };
      };
      const client = new Bun.RedisClient(own.url, { maxRetries: 1, connectionTimeout: 200 });
      await client.connect();
      await own.kill();
      await until(() => !client.connected);
      return {
        store: redisStore({ client, timeoutMs: PATIENT_MS }),
        mend: () => own.restart(),
        async close() {
          client.close();
          await own.stop();
        },
      };
    },
  },
];

describe("a store that cannot be reached", { skip: withoutRedis }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  for (const { fault, skip = false, reason, open } of ROWS) {
    it(`${fault}: few requests ask it, operators read of it once, and it is used as soon as it can be`, {
      skip,
    }, async () => {
      const { store: inner, mend, close } = await open(redis);
      let asked = 0;
      // However long the requests take, it is not yet tried again.
      const time = { now: Date.now() };
      const store: Store = {
        ...inner,
        clock: () => time.now,
        decide(checks, spend) {
          asked++;
          return inner.decide(checks, spend);
        },
      };
      const { lines, stop } = listenToConsole("error");
      try {
        const events: (string | undefined)[] = [];
        const throttle = createThrottle({ name: "r", rate: "1000/hour" }, {
          store,
          client: { address: () => "192.0.2.1" },
          observers: [({ type, state }) => type === "store" && events.push(state)],
        });
        const sourceOf = async () => (await throttle.check(request)).decisions[0].source;
        for (let i = 0; i < REQUESTS; i++) assertEquals(await sourceOf(), "local");
        assertLessOrEqual(asked, MAX_ASKED);
        assertEquals(events, ["failing"]);
        assertEquals(lines.length, 1);
        assert(lines[0].startsWith(`@weir/throttle: ${inner.name} cannot be used: `), lines[0]);
        assertMatch(lines[0], reason);
        if (mend !== undefined) {
          await mend();
          await until(async () => {
            time.now += PROBE_MS;
            return await sourceOf() === "store";
          });
          assertLessOrEqual(asked, MAX_ASKED + 1);
          assertEquals(events, ["failing", "healed"]);
          assertEquals(lines.slice(1), [`@weir/throttle: ${inner.name} works again, and decides again.`]);
        }
      } finally {
        stop();
        await close();
      }
    });
  }
});
