import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { beforeEach, describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type Throttle,
} from "../../mod.ts";
import { redisStore, type RedisStoreOptions } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { startBridge } from "../harness/bridge.ts";
import { writtenDuring } from "../harness/console.ts";
import { lives, startRedis, withoutRedis } from "../harness/redis.ts";
import { connectTo } from "../harness/resp.ts";
import { suiteRedis } from "../harness/suite_redis.ts";

const DAY_MS = 86_400_000;
const REQUEST = new Request("https://example.com/");
const client = { address: () => "203.0.113.9" };

function throttleOf(store: Store, rule: Partial<Rule>): Throttle {
  return createThrottle({ name: "login", rate: "5/15min", ...rule }, { store, client });
}

/** How many of 30 requests pass that go to these in turn, each. */
async function passed(throttles: readonly Throttle[]): Promise<number[]> {
  const counts = throttles.map(() => 0);
  for (let i = 0; i < 30; i++) {
    const n = i % throttles.length;
    if ((await throttles[n].check(REQUEST)).allowed) counts[n]++;
  }
  return counts;
}

const block = { after: 100, window: "1h", for: "1h" };
const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  slidingLog(),
  slidingWindow(),
];
/** A step of one's own, under any name. */
const custom = (name?: string): Algorithm => ({
  ...fixedWindow(),
  form: undefined,
  name,
  step: fixedWindow().step,
});

const STORES: readonly {
  name: string;
  skip: string | false;
  open(): Promise<{ store: () => Store; close(): Promise<void> }>;
}[] = [
  {
    name: "memoryStore",
    skip: false,
    open: () => {
      const store = memoryStore();
      return Promise.resolve({ store: () => store, close: () => Promise.resolve() });
    },
  },
  {
    name: "redisStore",
    skip: withoutRedis,
    async open() {
      const redis = await startRedis();
      const connection = connectTo(redis);
      const own = { send: (command: string, words: string[]) => connection.command(command, ...words) };
      return {
        store: () => redisStore({ client: own, denyCache: false, timeoutMs: 10_000 }),
        async close() {
          connection.close();
          await redis.stop();
        },
      };
    },
  },
];

for (const { name, skip, open } of STORES) {
  describe(`rules of one name on one ${name}`, { skip }, () => {
    it("count by themselves, each exactly, where their algorithms differ, their windows, or their blocks", async () => {
      const { store, close } = await open();
      const rules: Partial<Rule>[] = [
        ...ALGORITHMS.map((algorithm) => ({ algorithm, rate: "5/1000day" })),
        ...ALGORITHMS.map((algorithm) => ({ algorithm, rate: "5/1000day", block })),
        ...ALGORITHMS.map((algorithm) => ({ algorithm, rate: "3/2000day" })),
        { algorithm: concurrency({ lease: "1h" }), rate: { limit: 2 } },
        { algorithm: custom() },
        ...["custom:a", "custom/a", "custom%003aa", "{custom}", "\uD800", ""].map((name) => ({
          algorithm: custom(name),
        })),
      ];
      const throttles = rules.map((rule) => throttleOf(store(), rule));
      for (let i = 0; i < 8; i++) for (const throttle of throttles) await throttle.check(REQUEST);
      for (const [i, throttle] of throttles.entries()) {
        const limit = throttle.rules[0].limit!;
        assertEquals((await throttle.usage("login", REQUEST)).remaining, 0, `${i}`);
        await throttle.reset("login", REQUEST);
        const counts = await passed([throttle]);
        assertEquals(counts, [limit], `${i}`);
      }
      await close();
    });

    it("count in turn as if each were alone: two algorithms, two windows, one with a block", async () => {
      const pairs: readonly (readonly [Partial<Rule>, Partial<Rule>])[] = [
        [{}, { algorithm: gcra() }],
        [{ algorithm: gcra() }, { algorithm: slidingLog() }],
        [{ rate: "5/hour" }, { rate: "7/day" }],
        [{}, { block }],
      ];
      for (const [a, b] of pairs) {
        const { store, close } = await open();
        const throttles = [throttleOf(store(), a), throttleOf(store(), b)];
        assertEquals(await passed(throttles), throttles.map(({ rules }) => rules[0].limit));
        await close();
      }
    });

    it("count together where only the limit, the burst, the mode or the throttle is another", async () => {
      const { store, close } = await open();
      const algorithm = gcra();
      assertEquals(await passed([throttleOf(store(), { algorithm })]), [5]);
      assertEquals(await passed([throttleOf(store(), { algorithm: gcra() })]), [0]);
      assertEquals(await passed([throttleOf(store(), { algorithm, rate: "8/15min" })]), [3]);
      assertEquals(await passed([throttleOf(store(), { algorithm: gcra({ burst: 10 }), rate: "8/15min" })]), [
        2,
      ]);
      await close();
    });

    it("are looked up, and reset, one without the other", async () => {
      const { store, close } = await open();
      const [a, b] = [throttleOf(store(), {}), throttleOf(store(), { algorithm: gcra() })];
      await passed([a, b]);
      const key = "203.0.113.9";
      await b.reset("login", key);
      assertEquals([(await a.usage("login", key)).remaining, (await b.usage("login", key)).remaining], [
        0,
        5,
      ]);
      assertEquals(await passed([a, b]), [0, 5]);
      await close();
    });

    it("keep what was used when the rate is from a function and its window changes", async () => {
      const { store, close } = await open();
      let rate = "5/hour";
      const throttle = throttleOf(store(), { rate: () => rate });
      assertEquals(await passed([throttle]), [5]);
      rate = "6/day";
      assertEquals(await passed([throttle]), [1]);
      await close();
    });
  });
}

describe("the keys of states", { skip: withoutRedis }, () => {
  const suite = suiteRedis();
  const { command, client: connected } = suite;
  beforeEach(() => command("FLUSHALL"));

  const storeOf = (options: Partial<RedisStoreOptions> = {}) =>
    redisStore({ client: connected, timeoutMs: 10_000, ...options });

  async function keysOf(store: Store, rule: Partial<Rule>): Promise<string[]> {
    await command("FLUSHALL");
    await throttleOf(store, rule).check(REQUEST);
    return [...(await lives({ command })).keys()];
  }

  it("are the rule, its algorithm and its window, then the partition", async () => {
    const table: readonly (readonly [Partial<Rule>, string])[] = [
      [{}, "weir:login/fixed-window/900000:203.0.113.9"],
      [{ algorithm: gcra() }, "weir:login/gcra/900000:203.0.113.9"],
      [{ algorithm: gcra({ burst: 2 }), rate: "9/15min" }, "weir:login/gcra/900000:203.0.113.9"],
      [{ algorithm: gcra(), block }, "weir:login/gcra+block/900000:203.0.113.9"],
      [{ algorithm: fixedWindow({ aligned: true }) }, "weir:login/fixed-window+aligned/900000:203.0.113.9"],
      [{ rate: () => "5/15min", algorithm: gcra() }, "weir:login/gcra:203.0.113.9"],
      [
        { rate: { limit: 2 }, algorithm: concurrency({ lease: "1h" }) },
        "weir:login/concurrency/3600000:203.0.113.9",
      ],
      [{ algorithm: custom(), key: byGlobal() }, "weir:login/custom/900000:all"],
      [{ algorithm: custom("a:b/{c}") }, "weir:login/a%003ab%002f%007bc%007d/900000:203.0.113.9"],
    ];
    for (const [rule, key] of table) assertEquals(await keysOf(storeOf(), rule), [key]);
  });

  it("are the same on Upstash", async () => {
    const bridge = await startBridge(suite.server);
    const store = upstashStore({ url: bridge.url, token: bridge.token, timeoutMs: 10_000 });
    assertEquals(await keysOf(store, { algorithm: gcra() }), ["weir:login/gcra/900000:203.0.113.9"]);
    await bridge.close();
  });

  it("hide the partition, and it alone, where they are hashed", async () => {
    const [key] = await keysOf(storeOf({ hashKeys: "a secret of at least 32 characters" }), {});
    assert(/^weir:login\/fixed-window\/900000:[0-9a-f]{64}$/.test(key), key);
  });
});

describe("a clock that was a month ahead for a second", () => {
  const rules: Record<string, Partial<Rule>> = {
    fixedWindow: {},
    "fixedWindow({ aligned: true })": { algorithm: fixedWindow({ aligned: true }) },
    gcra: { algorithm: gcra() },
    "fixedWindow under a block": { block: { after: 2, window: "1h", for: "10min" } },
    "gcra under a block": { algorithm: gcra(), block: { after: 2, window: "1h", for: "10min" } },
  };
  for (const [name, rule] of Object.entries(rules)) {
    it(`keeps nobody waiting, but from when it is right again: ${name}`, async () => {
      let now = 1_763_800_000_123;
      const throttle = throttleOf(memoryStore({ clock: () => now }), rule);
      const ask = async () => (await throttle.check(REQUEST)).decisions[0];
      now += 30 * DAY_MS;
      for (let i = 0; i < 7; i++) await ask();
      now -= 30 * DAY_MS - 1000;
      // Nothing is given away, and a refusal keeps what it says: the wait gets shorter.
      const first = await ask();
      assertEquals(first.allowed, false);
      assert(first.retryAfterMs <= 900_000, `${first.retryAfterMs}`);
      now += first.retryAfterMs - 1;
      const last = await ask();
      assertEquals([last.allowed, last.retryAfterMs], [false, 1]);
      now += 1;
      assertEquals((await ask()).allowed, true);
    });

    it(`is no different from none where nothing was asked: ${name}`, async () => {
      let now = 1_763_800_000_123;
      const throttle = throttleOf(memoryStore({ clock: () => now }), rule);
      await throttle.check(REQUEST);
      now += 30 * DAY_MS;
      await throttle.usage("login", REQUEST);
      now -= 30 * DAY_MS;
      assertEquals((await throttle.usage("login", REQUEST)).remaining, 4);
    });
  }

  it("is taken back by less than a window without a difference", async () => {
    for (const algorithm of [fixedWindow(), fixedWindow({ aligned: true }), gcra()]) {
      let now = 1_763_800_000_123;
      const throttle = throttleOf(memoryStore({ clock: () => now }), { algorithm });
      for (let i = 0; i < 3; i++) await throttle.check(REQUEST);
      const before = await throttle.usage("login", REQUEST);
      now -= 899_000;
      const after = await throttle.usage("login", REQUEST);
      assertEquals([after.remaining, after.resetAfterMs], [2, before.resetAfterMs + 899_000]);
    }
  });
});

describe("a window from a function", () => {
  async function warnings(
    rates: readonly string[],
    waitMs = 1000,
    rule: Partial<Rule> = {},
  ): Promise<readonly string[]> {
    const { lines } = await writtenDuring(async () => {
      let now = 1_763_800_000_123;
      let next = 0;
      const throttle = throttleOf(memoryStore({ clock: () => now }), { rate: () => rates[next], ...rule });
      for (; next < rates.length; next++, now += waitMs) await throttle.check(REQUEST);
    }, "warn");
    return lines;
  }

  it("that gets shorter while it is open is warned of, once a rule", async () => {
    const rates = ["10/3600s", "10/3599s", "10/3598s", "10/3597s"];
    const said = await warnings(rates, 1000, { name: "daily" });
    assertEquals(said.length, 1);
    assertStringIncludes(
      said[0],
      'The window of rule "daily" got shorter while it was open (3600000 ms, then 3599000 ms)',
    );
    assertStringIncludes(said[0], 'to count until midnight, `every: "day"`');
    assertEquals((await warnings(rates, 1000, { name: "hourly" })).length, 1);
  });

  it("is not warned of where it stays, grows, is over, or belongs to somebody else", async () => {
    assertEquals(await warnings(["10/hour", "5/hour", "20/hour", "10/day", "10/day"]), []);
    assertEquals(await warnings(["10/hour", "10/min"], 3_600_000), []);
    let n = 0;
    const key = Object.assign(() => `client ${n++ % 2}`, { keyName: "own" });
    assertEquals(await warnings(["10/hour", "10/min", "10/hour", "10/min"], 1000, { key }), []);
  });
});
