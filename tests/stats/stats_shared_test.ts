import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { after, before, describe, it as test } from "node:test";
import { createThrottle, type Stats, stats, type StatsOptions, type Store } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { awakeClock } from "../harness/awake.ts";
import { type Bridge, startBridge } from "../harness/bridge.ts";
import { CLIENTS, CLUSTER_CLIENTS, type OpenClient } from "../harness/clients.ts";
import { type RedisCluster, startCluster } from "../harness/cluster.ts";
import { fixSeed } from "../harness/fixed_seed.ts";
import { inTime } from "../harness/in_time.ts";
import { lives, type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { pause, until } from "../harness/until.ts";

const DAY_S = 25 * 3600;
/** The time of all instances: no minute ends while a test runs. */
const NOW = Date.now();

fixSeed();

/** One instance: its statistics, and requests to it. */
interface Instance {
  readonly statistics: Stats;
  /** Sends requests to "/items/:id" in turn from clients 192.0.2.`from` on; three an hour pass for each. Gives the statuses. */
  send(requests: number, from?: number, clients?: number, ...platform: unknown[]): Promise<number[]>;
}

function instance(store: Store, options: StatsOptions = {}): Instance {
  const statistics = stats({ store, clock: () => NOW, ...options });
  const handler = createThrottle({ name: "items", rate: "3/hour", on: "GET /items/:id" }, {
    observers: [statistics],
    client: { address: (_request, address) => address as string },
  }).wrap((_request: Request, ..._rest: unknown[]) => new Response("hello"));
  return {
    statistics,
    async send(requests, from = 1, clients = 1, ...platform) {
      const statuses: number[] = [];
      for (let i = 0; i < requests; i++) {
        const request = new Request(`https://example.com/items/${i}`);
        statuses.push((await handler(request, `192.0.2.${from + i % clients}`, ...platform)).status);
      }
      return statuses;
    },
  };
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const passing = (requests: number): number[] => Array.from({ length: requests }, (_, i) => i < 3 ? 200 : 429);

/** Runs with `console.warn` collected, and timers that fire at once, but for the deadline of a store. */
async function withoutWaiting(run: (delays: number[]) => Promise<void>): Promise<unknown[][]> {
  const { warn } = console;
  const { setTimeout } = globalThis;
  const said: unknown[][] = [];
  const delays: number[] = [];
  console.warn = (...words: unknown[]) => said.push(words);
  globalThis.setTimeout = ((run: () => void, ms = 0, ...words: unknown[]) => {
    if (ms !== 5000) return setTimeout(run, ms, ...words);
    delays.push(ms);
    return setTimeout(run, 1);
  }) as typeof setTimeout;
  try {
    await run(delays);
  } finally {
    console.warn = warn;
    globalThis.setTimeout = setTimeout;
  }
  return said;
}

describe("shared statistics", { skip: withoutRedis }, () => {
  let redis: Redis;
  let bridge: Bridge;
  let client: OpenClient;
  let store: Store;
  before(async () => {
    redis = await startRedis();
    bridge = await startBridge(redis);
    client = await CLIENTS[0].open(redis);
    store = redisStore({ client: client.client });
  });
  after(async () => {
    client.close();
    await bridge.close();
    await redis.stop();
  });
  /** From an empty Redis, which must answer within the deadline of statistics. */
  const timely = (run: () => Promise<void>) => () =>
    inTime(async () => {
      await redis.command("FLUSHALL");
      await run();
    });
  const it = (title: string, run: () => Promise<void>): void => void test(title, timely(run));

  async function assertSum(stores: readonly Store[]): Promise<void> {
    const [one, two] = stores.map((store) => instance(store));
    await one.send(10, 1, 2); // six pass, four are refused
    await two.send(8, 2, 1); // three pass, five are refused
    await one.statistics.flush();
    const [left, right] = [
      await two.statistics.read({ minutes: 60 }),
      await one.statistics.read({ minutes: 60 }),
    ];
    assertEquals([left.scope, left.instance.requests, right.instance.requests], ["shared", 8, 10]);
    assertEquals(plain({ ...left, at: 0, instance: 0 }), plain({ ...right, at: 0, instance: 0 }));
    assertEquals([left.last_24_hours.total_requests, left.last_24_hours.throttled_requests], [18, 9]);
    assertEquals([left.last_24_hours.unique_ips, left.hours.length, left.minutes.length], [2, 24, 60]);
    assertEquals(plain(left.by_rule), {
      items: {
        ...{ requests: 18, refused: 9, shadow_refused: 0, near_limit: 3 },
        ...{ limit: 3, window_ms: 3_600_000, mode: "enforce" },
      },
    });
    assertEquals(plain(left.by_endpoint), { "/items/:id": { requests: 18, refused: 9, shadow_refused: 0 } });
    assertEquals(plain(left.by_method), { GET: { requests: 18, refused: 9, shadow_refused: 0 } });
    assertEquals(plain(left.by_status), { 200: 9, 429: 9 });
    assertEquals(left.top_throttled_endpoints, [{ endpoint: "/items/:id", refused: 9 }]);
    assertEquals(
      left.top_throttled_ips.map(({ refused }) => refused),
      [7, 2],
      "Both call a client the same.",
    );
    assertMatch(left.top_throttled_ips[0].ip, /^[0-9a-f]{16}$/);
    assertEquals(left.minutes.reduce((sum, { requests }) => sum + requests, 0), 18);
    assertLessOrEqual(Math.max(...left.minutes.map(({ unique_clients }) => unique_clients)), 2);
  }

  for (const kind of CLIENTS) {
    const sum = timely(async () => {
      const open = await kind.open(redis);
      try {
        await assertSum([redisStore({ client: open.client }), redisStore({ client: open.client })]);
      } finally {
        await open.close();
      }
    });
    test(`of two instances show the sum, in both: ${kind.name}`, { skip: kind.skip }, sum);
  }

  it("of an instance on Upstash and one on TCP show the sum: the keys are the same", async () => {
    await assertSum([upstashStore({ url: bridge.url, token: bridge.token, timeoutMs: 5000 }), store]);
  });

  it("expire within 25 hours, every key, and are kept apart by the store's prefix", async () => {
    const { send, statistics } = instance(redisStore({ client: client.client, prefix: "shop" }));
    await send(10, 1, 2);
    await statistics.flush();
    const keys = await lives(redis);
    assertGreater(keys.size, 6);
    for (const [key, ms] of keys) {
      assert(key.startsWith("shop:{stats}:"), key);
      assert(ms > 0 && ms <= DAY_S * 1000, `${key} lives for ${ms} ms`);
    }
    assertEquals((await instance(store).statistics.read({ minutes: 0 })).last_24_hours.total_requests, 0);
  });

  it("hold no address, unless every reader asked for addresses", async () => {
    const hashing = instance(store);
    const showing = instance(store, { showAddresses: true });
    await hashing.send(5);
    await hashing.statistics.flush();
    for (const key of (await lives(redis)).keys()) {
      assert(!String(await redis.command("DUMP", key)).includes("192.0.2"), key);
    }
    await showing.send(5, 2);
    assertEquals((await showing.statistics.read()).top_throttled_ips, [{ ip: "192.0.2.2", refused: 2 }]);
    const [{ ip }, ...others] = (await hashing.statistics.read()).top_throttled_ips;
    assertMatch(ip, /^[0-9a-f]{16}$/);
    assertEquals(others, []);
  });

  it("hold no key, unless every reader asked for keys; all instances call a key the same", async () => {
    const [one, two] = [instance(store), instance(store)];
    await one.send(5);
    await two.send(4);
    await one.statistics.flush();
    for (const key of (await lives(redis)).keys()) {
      assert(!String(await redis.command("DUMP", key)).includes("192.0.2"), key);
    }
    const [{ rule, key, refused }, ...others] = (await two.statistics.read()).top_throttled_keys;
    assertEquals([rule, refused, others], ["items", 3, []]);
    assertMatch(key, /^[0-9a-f]{16}$/);
    assertEquals((await one.statistics.read()).top_throttled_keys, [{ rule, key, refused }]);
    const revealing = instance(store, { revealKeys: true });
    await revealing.send(5, 2);
    assertEquals((await revealing.statistics.read()).top_throttled_keys, [
      { rule: "items", key: "192.0.2.2", refused: 2 },
    ]);
  });

  it("are written in batches, later, whatever the number of requests, and the platform is kept alive for that", async () => {
    let calls = 0;
    const { send, statistics } = instance({
      ...store,
      run(...words) {
        calls++;
        return store.run!(...words);
      },
    });
    const work: Promise<unknown>[] = [];
    const said = await withoutWaiting(async (delays) => {
      await send(200, 1, 5, { waitUntil: (promise: Promise<unknown>) => void work.push(promise) });
      await Promise.all(work);
      assertLess(delays.length, 200);
      assertEquals(delays.length, work.length);
    });
    assertEquals(said, []);
    assertGreater(work.length, 0);
    assertLess(calls, 50);
    const reader = instance(store).statistics;
    await statistics.flush();
    assertEquals((await reader.read({ minutes: 0 })).last_24_hours.total_requests, 200);
  });

  it("an outage changes no decision and delays none, is reported once, and loses nothing", async () => {
    const own = await startRedis();
    const clock = awakeClock();
    try {
      const { client, close } = await CLIENTS[0].open(own);
      const { send, statistics } = instance(redisStore({ client }));
      let worst = 0;
      const said = await withoutWaiting(async () => {
        await send(2);
        await pause(20);
        await statistics.flush();
        own.signal("SIGSTOP"); // the worst of outages: connections stay, nothing is answered
        for (let i = 10; i < 60; i++) {
          const begun = clock.ms();
          assertEquals(await send(5, i), passing(5));
          worst = Math.max(worst, clock.ms() - begun);
          await pause(1);
        }
        const report = await statistics.read({ minutes: 0 });
        assertEquals([report.scope, report.last_24_hours.total_requests], ["instance", 252]);
      });
      // A machine that is busy is slow by itself; waiting for the store would take its deadline, 2 s.
      assertLess(worst, 1900);
      assertEquals(said.map(([sentence]) => sentence), [
        "@weir/throttle: Statistics are not shared at the moment; nothing else is touched by that.",
      ]);
      own.signal("SIGCONT");
      // The command that hung is carried out now, and one that was sent again is not counted again.
      await send(1, 70);
      await statistics.flush();
      const report = await statistics.read({ minutes: 0 });
      assertEquals([report.scope, report.last_24_hours.total_requests], ["shared", 253]);
      assertEquals(report.last_24_hours.throttled_requests, 100);
      assertEquals(report.last_24_hours.unique_ips, 52);
      close();
    } finally {
      clock.stop();
      await own.stop();
    }
  });

  it("a store that throws what has no text is an outage like any other", async () => {
    let isAsked = false;
    const run = () => {
      isAsked = true;
      return Promise.reject(Object.create(null));
    };
    const { send } = instance({ ...store, run });
    const said = await withoutWaiting(async () => {
      assertEquals(await send(2), [200, 200]);
      await until(() => isAsked);
    });
    assertEquals(said, [[
      "@weir/throttle: Statistics are not shared at the moment; nothing else is touched by that.",
      "it gave no reason",
    ]]);
  });

  it("an outage of any length is made up for in scripts of bounded length, for as long as reports look back", async () => {
    const MINUTE_MS = 60_000;
    const HOURS = 30;
    let fails = false;
    let longest = 0;
    let now = NOW - HOURS * 60 * MINUTE_MS;
    const { statistics } = instance({
      ...store,
      async run(script, keys, words) {
        if (fails) throw new Error("gone");
        longest = Math.max(longest, keys.length + words.length);
        return await store.run!(script, keys, words);
      },
    }, { clock: () => now });
    function send(routes: number): void {
      for (let i = 0; i < routes; i++) {
        const where = { method: "GET", route: `/${i}`, rule: "r", key: `client ${i}`, decisions: [] };
        statistics({ type: "denied", at: 0, ...where });
      }
    }
    send(1);
    fails = true;
    await assertRejects(() => statistics.flush(), Error, "gone");
    for (; now < NOW - 90 * MINUTE_MS; now += MINUTE_MS) send(1);
    for (; now < NOW; now += MINUTE_MS) send(200);
    const minutesOfReport = 23 * 60 + Math.floor(NOW / MINUTE_MS) % 60;
    fails = false;
    await statistics.flush();
    const report = await statistics.read({ minutes: 60 });
    assertEquals([report.scope, report.last_24_hours.throttled_requests], [
      "shared",
      minutesOfReport - 90 + 90 * 200,
    ]);
    assertEquals(report.minutes.slice(0, -1).map(({ requests }) => requests), new Array(59).fill(200));
    assertLess(longest, 65_536);
    const hours = await redis.command("KEYS", "weir:{stats}:hour:*") as unknown[];
    assertLessOrEqual(hours.length, 26);
  });

  it("a batch whose answer gets lost is not counted twice, nor is one that never arrived lost", async () => {
    let fault: "none" | "before" | "after" = "none";
    const { send, statistics } = instance({
      ...store,
      async run(...words) {
        if (fault === "before") throw new Error("never arrived");
        const answer = await store.run!(...words);
        if (fault === "after") throw new Error("the answer got lost");
        return answer;
      },
    });
    let sent = 0;
    for (const next of ["none", "before", "after", "none", "after", "after", "before", "none"] as const) {
      fault = next;
      await send(7);
      sent += 7;
      if (fault === "none") await statistics.flush();
      else await assertRejects(() => statistics.flush(), Error, fault === "before" ? "never" : "lost");
    }
    const { last_24_hours, by_rule } = await statistics.read({ minutes: 0 });
    assertEquals([last_24_hours.total_requests, by_rule.items.refused], [sent, sent - 3]);
  });

  it("a late copy of an old batch is not counted after newer ones", async () => {
    const scripts: Parameters<NonNullable<Store["run"]>>[] = [];
    const { send, statistics } = instance({
      ...store,
      run(...words) {
        scripts.push(words);
        return store.run!(...words);
      },
    });
    for (let i = 0; i < 3; i++) {
      await send(4);
      await statistics.flush();
    }
    for (const words of scripts.slice()) await store.run!(...words);
    assertEquals((await statistics.read({ minutes: 0 })).last_24_hours.total_requests, 12);
  });

  it("a Redis that lost everything is filled again, and instances agree again", async () => {
    const [one, two, three] = [instance(store), instance(store), instance(store)];
    await one.send(5);
    await one.statistics.flush();
    await two.send(5);
    await two.statistics.flush();
    await redis.command("FLUSHALL");
    await three.send(5);
    await three.statistics.flush();
    await one.send(5);
    await two.send(5);
    await two.statistics.flush();
    const report = await one.statistics.read({ minutes: 0 });
    assertEquals([report.last_24_hours.total_requests, report.last_24_hours.unique_ips], [15, 1]);
    assertEquals(report.top_throttled_ips.map(({ refused }) => refused), [12]);
  });

  it("lists of what was refused most are trimmed", async () => {
    const { statistics } = instance(store);
    for (let batch = 0; batch < 15; batch++) {
      for (let i = 0; i < 200; i++) {
        const key = `client ${batch} ${i}`;
        statistics({ type: "denied", at: 0, method: "GET", route: "/", rule: "r", key, decisions: [] });
      }
      await statistics.flush();
    }
    const hour = Math.floor(NOW / 3_600_000);
    const size = await redis.command("ZCARD", `weir:{stats}:refused-clients:${hour}`) as number;
    assertEquals(size, 1000);
    assertLessOrEqual(
      Math.abs((await statistics.read({ minutes: 0 })).last_24_hours.unique_ips / 3000 - 1),
      0.02,
    );
  });

  it("many clients are written at once, none of them lost", async () => {
    let writing: Promise<unknown> = Promise.resolve();
    const { statistics } = instance({
      ...store,
      run: (...words) => writing = Promise.resolve(store.run!(...words)),
    });
    for (let i = 0; i < 50_000; i++) {
      const key = `client ${i}`;
      statistics({ type: "denied", at: 0, method: "GET", route: "/", rule: "r", key, decisions: [] });
      if (i % 1000 !== 0) continue;
      await pause(1);
      // On a busy machine Redis may take longer than the clients of a batch.
      await writing;
    }
    const { last_24_hours } = await statistics.read({ minutes: 0 });
    assertEquals(last_24_hours.total_requests, 50_000);
    assertLess(Math.abs(last_24_hours.unique_ips / 50_000 - 1), 0.02);
  });
});

describe("shared statistics on a Redis Cluster", { skip: withoutRedis }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  for (const kind of CLUSTER_CLIENTS) {
    test(`live on one of its nodes: ${kind.name}`, { skip: kind.skip }, () =>
      inTime(async (tries) => {
        const { client, close } = await kind.open(cluster);
        try {
          const { send, statistics } = instance(redisStore({ client, prefix: `${kind.name} ${tries}` }));
          await send(5);
          const { scope, last_24_hours } = await statistics.read({ minutes: 60 });
          assertEquals([scope, last_24_hours.total_requests, last_24_hours.unique_ips], ["shared", 5, 1]);
        } finally {
          await close();
        }
      }));
  }
});
