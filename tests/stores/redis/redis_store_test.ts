import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { beforeEach, describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  slidingLog,
  slidingWindow,
  type Store,
} from "../../../mod.ts";
import { withBlock } from "../../../src/algorithms/block.ts";
import { redisStore, type RedisStoreOptions } from "../../../src/stores/redis/mod.ts";
import { scriptText, twinOf } from "../../../src/stores/redis/script.ts";
import { upstashStore } from "../../../src/stores/upstash/mod.ts";
import { startBridge } from "../../harness/bridge.ts";
import { checkOf, checksOf } from "../../harness/checks.ts";
import { assertLivesEnd } from "../../harness/lives.ts";
import { lives, withoutRedis } from "../../harness/redis.ts";
import { suiteRedis } from "../../harness/suite_redis.ts";

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  gcra(),
  slidingLog(),
  slidingWindow(),
  concurrency({ lease: "1min" }),
];

describe("redisStore", { skip: withoutRedis }, () => {
  const suite = suiteRedis();
  const { command, client } = suite;
  beforeEach(async () => {
    await command("FLUSHALL");
    await command("CONFIG", "RESETSTAT");
  });

  const storeOf = (options: Partial<RedisStoreOptions> = {}): Store =>
    redisStore({ client, timeoutMs: 10_000, ...options });
  const get = (key: string) => command("GET", key);

  /** How often each command was called, inside of scripts too. */
  async function calls(): Promise<Record<string, number>> {
    const info = String(await command("INFO", "commandstats"));
    const lines = info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm);
    return Object.fromEntries([...lines].map(([, name, count]) => [name, Number(count)]));
  }

  describe("in one round trip", () => {
    for (const rules of [1, 3, 10]) {
      it(`asks ${rules} rules with one script call, which reads and writes once per rule and asks the time once`, async () => {
        const names = Array.from({ length: rules }, (_, i) => `rule-${i}`);
        const throttle = createThrottle(
          names.map((name, i) => ({
            name,
            rate: "100/min",
            key: byGlobal(),
            algorithm: ALGORITHMS[i % 4],
          })),
          { store: storeOf() },
        );
        const request = new Request("https://api.example/");
        assert((await throttle.check(request)).allowed);
        await command("CONFIG", "RESETSTAT");
        assert((await throttle.check(request)).allowed);
        const { evalsha, eval: evals = 0, get, set = 0, incrby, setrange = 0, time, pttl, ...others } =
          await calls();
        assertEquals([evalsha, evals, get, set + incrby + setrange, time], [1, 0, rules, rules, 1]);
        // Of a state that is changed in place it asks whether its expiry stands.
        assertEquals(pttl, incrby + setrange);
        assertEquals(Object.keys(others).filter((name) => !name.startsWith("config")), []);
      });
    }

    it("asks what comes at the same moment in calls of at most 16 keys, and never splits a decision", async () => {
      const store = storeOf();
      const decide = (rules: number, i: number) =>
        store.decide(Array.from({ length: rules }, (_, n) => checkOf({ key: `rule:${i} ${n}` })));
      await decide(1, 0);
      for (const [decisions, rules, expected] of [[16, 1, 1], [32, 1, 2], [20, 3, 4], [1, 20, 1]]) {
        await command("CONFIG", "RESETSTAT");
        const answers = await Promise.all(
          Array.from({ length: decisions }, (_, i) => decide(rules, i + 100 * rules)),
        );
        assert(answers.every((checks) => checks.every(({ allowed }) => allowed)));
        assertEquals((await calls()).evalsha, expected, `${decisions} of ${rules} rules`);
      }
    });

    it("sends the script's text once, and again where the server has forgotten it", async () => {
      const store = storeOf();
      await command("SCRIPT", "FLUSH");
      for (let i = 0; i < 3; i++) await store.decide([checkOf()]);
      assertEquals((await calls()).eval, 1);
      await command("SCRIPT", "FLUSH");
      assertEquals((await store.decide([checkOf()]))[0].allowed, false);
      assertEquals((await calls()).eval, 2);
    });

    it("has one script for the rules of a throttle, whichever of them are asked", async () => {
      await command("SCRIPT", "FLUSH");
      const store = storeOf();
      createThrottle(
        ALGORITHMS.map((algorithm) => ({
          rate: algorithm.window === undefined ? "3/min" : { limit: 3 },
          algorithm,
          key: byGlobal(),
        })),
        { store },
      );
      for (const algorithm of ALGORITHMS) await store.decide([checkOf({ algorithm })]);
      assertEquals((await calls()).eval, 1);
    });

    it("puts into the script no more than its algorithms need", () => {
      const rule = (algorithm: Algorithm) => ({ twin: twinOf(algorithm, "rule"), rate: null });
      const lua = "function() return true, 0, 0, 0, nil, 0 end";
      const plain = scriptText([{ twin: { form: "own", width: false, params: [], lua }, rate: null }]);
      assertFalse(/log_step|block_step/.test(plain));
      const log = scriptText([rule(slidingLog())]);
      assertMatch(log, /local function log_step/);
      assertFalse(/block_step/.test(log));
      assertFalse(/local function/.test(scriptText([rule(gcra()), rule(fixedWindow())])));
    });
  });

  describe("a script for every Redis", () => {
    it("names no flag of one vendor and no command younger than Redis 6", () => {
      const script = scriptText(
        ALGORITHMS.map((algorithm) => ({ twin: twinOf(algorithm, "rule"), rate: null })),
      );
      assertFalse(script.startsWith("#!"));
      const commands = [...script.matchAll(/\b(p?call)\('(\w+)'/g)].map(([, call, name]) =>
        `${call} ${name}`
      );
      assertEquals([...new Set(commands)].sort(), [
        "call DEL",
        "call HDEL",
        "call HGET",
        "call HSET",
        "call PEXPIRE",
        "call PTTL",
        "call SET",
        "call TIME",
        "pcall GET",
        "pcall HGET",
        "pcall INCRBY",
      ]);
      assertFalse(/, '(NX|XX|GT|LT|KEEPTTL|GET)'/.test(script));
    });
  });

  describe("its keys", () => {
    it("are the prefix, the rule and the partition, as they are", async () => {
      await storeOf().decide([checkOf({ key: "login:203.0.113.9" })]);
      await storeOf({ prefix: "app" }).decide([checkOf({ key: "login:*?[]{}\n" })]);
      assertEquals([...(await lives({ command })).keys()].sort(), [
        "app:login:*?[]{}\n",
        "weir:login:203.0.113.9",
      ]);
    });

    it("hold readable states, integers to the last digit", async () => {
      await storeOf().decide([checkOf({ limit: 999_999_999_999_999, cost: 999_999_999_999_998 })]);
      assertMatch(String(await get("weir:rule:somebody")), /^\d{13}999999999999998$/);
    });

    it("of a fixed window take the memory of a counter", async () => {
      const key = "weir:rule:somebody";
      await storeOf().decide([checkOf({ limit: 999_999, cost: 999_999 })]);
      const bytes = await command("MEMORY", "USAGE", key);
      await command("SET", key, 999_999, "PX", 60_000);
      assertEquals(bytes, await command("MEMORY", "USAGE", key));
    });

    describe("of gcra", () => {
      const key = "weir:rule:somebody";
      const algorithm = gcra();

      /** A check under a static rate, as a throttle has them. */
      function gcraStore(limit: number, windowMs: number): [Store, Check] {
        const store = storeOf();
        createThrottle({ rate: { limit, window: windowMs / 1000 }, algorithm, key: byGlobal() }, { store });
        return [store, checkOf({ algorithm, limit, windowMs })];
      }

      it("take at most 1.3 times the memory of a counter", async () => {
        for (
          const [limit, windowMs] of [[5, 900_000], [100, 60_000], [1000, 3_600_000], [10_000, 86_400_000]]
        ) {
          const [store, check] = gcraStore(limit, windowMs);
          for (let i = 0; i < 5; i++) assert((await store.decide([check]))[0].allowed);
          const bytes = Number(await command("MEMORY", "USAGE", key));
          await command("SET", key, 5, "PX", 60_000);
          const counter = Number(await command("MEMORY", "USAGE", key));
          assert(bytes <= 1.3 * counter, `${bytes} of ${counter} at ${limit} per ${windowMs} ms`);
        }
      });

      it("are text where that is too little, and where the rate is of a function", async () => {
        const [store, check] = gcraStore(1000, 86_400_000);
        assert((await store.decide([{ ...check, cost: 1000 }]))[0].allowed);
        assertMatch(String(await get(key)), /^gcra 86400000000 \d{13} 86400000 1000$/);
        await command("DEL", key);
        assert((await storeOf().decide([check]))[0].allowed);
        assertMatch(String(await get(key)), /^gcra 86400000 \d{13} 86400000 1$/);
        assertEquals((await store.decide([check]))[0].remaining, 998);
      });

      it("are read under a rate of a function, and by a correction", async () => {
        const [store, check] = gcraStore(10, 3_600_000);
        const [{ chargedAt }] = await store.decide([{ ...check, cost: 4 }]);
        assertEquals((await storeOf().decide([check], false))[0].remaining, 6);
        const [{ remaining }] = await store.decide([{ ...check, cost: -3, since: chargedAt! }]);
        assertEquals(remaining, 9);
      });

      it("tell the window where that is of a function, which another rule has as its static rate", async () => {
        const store = storeOf({ denyCache: false });
        const plans: { readonly [plan: string]: string } = { free: "5/s", pro: "100/hour" };
        const throttle = createThrottle([
          { name: "static", rate: plans.pro, algorithm, on: "/static", key: byGlobal() },
          {
            name: "plan",
            rate: ({ request }) => plans[new URL(request.url).hash.slice(1)],
            algorithm,
            on: "/plan",
            key: byGlobal(),
          },
        ], { store });
        for (let i = 0; i < 60; i++) {
          assert((await throttle.check(new Request("https://api.example/plan#pro"))).allowed);
        }
        const { decisions: [{ retryAfterMs }] } = await throttle.check(
          new Request("https://api.example/plan#free"),
        );
        // 60 units of which 5 drain per second, of another window.
        assert(retryAfterMs > 10_000 && retryAfterMs <= 11_200, `${retryAfterMs}`);
      });

      it("are none of 12 other characters", async () => {
        const [store, check] = gcraStore(3, 60_000);
        for (const foreign of ["hello, world", "\0\0\0\0\0\0\0\0\0\0\0\0", "éééééé", "漏斗漏斗"]) {
          await command("SET", key, foreign);
          assertEquals((await store.decide([check]))[0].remaining, 2, foreign);
          await assertLivesEnd({ command }, 60_000);
        }
      });
    });

    it("of two rules, and of two prefixes, never meet", async () => {
      const [a, b] = [storeOf({ prefix: "a" }), storeOf({ prefix: "b" })];
      for (const store of [a, b]) {
        for (const key of ["one:x", "two:x"]) {
          const [decision] = await store.decide([checkOf({ key, limit: 1 })]);
          assert(decision.allowed, key);
        }
      }
    });

    it("with hashKeys hold no address, and are the same for everyone with the secret", async () => {
      const hashed = () => storeOf({ hashKeys: "a secret" });
      const check = checkOf({ key: "login:203.0.113.9", limit: 1 });
      assert((await hashed().decide([check]))[0].allowed);
      assertFalse((await hashed().decide([check]))[0].allowed);
      const [key] = [...(await lives({ command })).keys()];
      assertMatch(key, /^weir:login:[0-9a-f]{64}$/);
      assert((await storeOf({ hashKeys: "another secret" }).decide([check]))[0].allowed);
      assertEquals((await lives({ command })).size, 2);
    });

    it("are forgotten literally, hashed ones too", async () => {
      for (const options of [{}, { hashKeys: "a secret" }]) {
        const store = storeOf(options);
        for (const key of ["rule:*", "rule:a", "rule:[a]"]) await store.decide([checkOf({ key, limit: 1 })]);
        await store.forget?.("rule:*");
        const passed = [];
        for (const key of ["rule:*", "rule:a", "rule:[a]"]) {
          passed.push((await store.decide([checkOf({ key, limit: 1 })]))[0].allowed);
        }
        assertEquals(passed, [true, false, false]);
        await command("FLUSHALL");
      }
    });

    it("are the keys of upstashStore too: at one prefix the two share their counters", async () => {
      const bridge = await startBridge(suite.server);
      for (const options of [{}, { hashKeys: "a secret" }]) {
        const stores = [
          upstashStore({ ...options, url: bridge.url, token: bridge.token, timeoutMs: 10_000 }),
          storeOf(options),
        ];
        for (const algorithm of ALGORITHMS) {
          const check = checkOf({ key: `${algorithm.name}:somebody`, algorithm, limit: 2 });
          for (const store of stores) assert((await store.decide([check]))[0].allowed);
          for (const store of stores) assertFalse((await store.decide([check]))[0].allowed);
        }
      }
      await bridge.close();
    });
  });

  describe("every key's end", () => {
    it("comes no later than a minute after its state means nothing any more", async () => {
      const store = storeOf();
      for (const algorithm of ALGORITHMS) {
        for (const windowMs of [1, 500, 60_000, 86_400_000]) {
          const check = checkOf({ key: `${algorithm.name}-${windowMs}:a`, algorithm, windowMs });
          const [{ resetAfterMs }] = await store.decide([check]);
          const ttl = await command("PTTL", `weir:${check.key}`) as number;
          assert(ttl >= resetAfterMs - 100 && ttl <= resetAfterMs + 60_000, `${check.key}: ${ttl} ms`);
        }
      }
      await assertLivesEnd({ command });
    });

    it("a window of a year enforces and expires", async () => {
      const store = storeOf();
      const check = checkOf({ limit: 1, windowMs: 365 * 86_400_000 });
      assert((await store.decide([check]))[0].allowed);
      assertFalse((await store.decide([check]))[0].allowed);
      assertGreater(await command("PTTL", "weir:rule:somebody") as number, 364 * 86_400_000);
    });

    it("is put back where somebody took it away, even when the request is refused or only peeks", async () => {
      const store = storeOf();
      const check = checkOf({ limit: 1 });
      for (const spend of [true, false]) {
        await store.decide([check]);
        await command("PERSIST", "weir:rule:somebody");
        assertFalse((await store.decide([check], spend))[0].allowed);
        await assertLivesEnd({ command }, check.policy.windowMs);
      }
    });

    it("is put back where somebody took it away from a state that is overwritten in place", async () => {
      const throttle = createThrottle({ rate: "100/hour", algorithm: gcra(), key: byGlobal() }, {
        store: storeOf(),
      });
      const request = new Request("https://api.example/");
      const decide = async () => assert((await throttle.check(request)).allowed);
      // The second charge needs more room for its count, so it is written anew.
      for (let i = 0; i < 4; i++) await decide();
      const { set, setrange } = await calls();
      assertEquals([set, setrange], [2, 2]);
      const [key] = (await lives({ command })).keys();
      const before = await command("PTTL", key) as number;
      await command("PERSIST", key);
      await decide();
      assertEquals((await calls()).setrange, setrange);
      const after = await command("PTTL", key) as number;
      assert(after > before - 60_000 && after <= before, `${before} ms and then ${after} ms`);
    });

    it("a slot given back leaves no key", async () => {
      const store = storeOf();
      const check = checkOf({ algorithm: concurrency({ lease: "1min" }) });
      const [{ chargedAt }] = await store.decide([check]);
      assertEquals((await lives({ command })).size, 1);
      await store.decide([{ ...check, cost: -1, since: chargedAt! }]);
      assertEquals((await lives({ command })).size, 0);
    });

    it("a correction of a missing key, a refusal and a peek create none", async () => {
      const store = storeOf();
      for (const algorithm of ALGORITHMS) {
        await store.decide([checkOf({ algorithm, cost: -1, since: Date.now() })]);
        await store.decide([checkOf({ algorithm, cost: 4 })]);
        await store.decide([checkOf({ algorithm })], false);
      }
      assertEquals((await lives({ command })).size, 0);
    });
  });

  describe("a key with something else in it", () => {
    const now = Date.now();
    const foreign: readonly [string, readonly (string | number)[]][] = [
      ["a start alone", ["SET", "weir:rule:somebody", now]],
      ["a start of 12 digits", ["SET", "weir:rule:somebody", `${now}`.slice(1)]],
      ["a negative number", ["SET", "weir:rule:somebody", `-${now}3`]],
      ["a number with a fraction", ["SET", "weir:rule:somebody", `${now}3.5`]],
      ["a number after a blank", ["SET", "weir:rule:somebody", ` ${now}3`]],
      ["two numbers", ["SET", "weir:rule:somebody", `${now} 3`]],
      ["a state of an earlier layout, with its form", [
        "SET",
        "weir:rule:somebody",
        `fixed-window ${now} 3`,
      ]],
      ["a text", ["SET", "weir:rule:somebody", "hello"]],
      ["a bare counter", ["SET", "weir:rule:somebody", 5]],
      ["an empty text", ["SET", "weir:rule:somebody", ""]],
      ["a state cut off", ["SET", "weir:rule:somebody", "fixed-window 1763800000000 "]],
      ["a state of another kind", ["SET", "weir:rule:somebody", "fixed-window 5"]],
      ["no finite number", ["SET", "weir:rule:somebody", "fixed-window inf nan"]],
      ["a state with a number too few", ["SET", "weir:rule:somebody", "fixed-window 1763800000000"]],
      ["a state with a number too many", ["SET", "weir:rule:somebody", "fixed-window 1763800000000 3 0"]],
      ["a state with a text in it", ["SET", "weir:rule:somebody", 'fixed-window 1763800000000 "3"']],
      ["a state with a null in it", ["SET", "weir:rule:somebody", "fixed-window null 3"]],
      ["a state with a fraction in it", ["SET", "weir:rule:somebody", "fixed-window 9007199254740990 0.5"]],
      ["a state with a negative number", ["SET", "weir:rule:somebody", "fixed-window 9007199254740990 -1"]],
      ["a state of an earlier layout", ["SET", "weir:rule:somebody", "fixed-window [1763800000000,3]"]],
      ["another algorithm's state", [
        "SET",
        "weir:rule:somebody",
        "gcra [9007199254740991,9007199254740991,60000]",
      ]],
      ["a list", ["RPUSH", "weir:rule:somebody", "a"]],
      ["a hash", ["HSET", "weir:rule:somebody", "a", "b"]],
    ];
    for (const [name, words] of foreign) {
      it(`counts as empty and is written anew: ${name}`, async () => {
        await command(...words);
        const [decision] = await storeOf().decide([checkOf()]);
        assertEquals([decision.allowed, decision.remaining], [true, 2]);
        assertMatch(String(await get("weir:rule:somebody")), /^\d{13}1$/);
        await assertLivesEnd({ command }, 60_000);
      });
    }

    const foreignLogs: readonly [string, readonly (string | number)[]][] = [
      ["a log of numbers alone", ["SET", "weir:rule:somebody", "sliding-log 9007199254740991 3"]],
      ["entries cut off", ["SET", "weir:rule:somebody", "sliding-log 3|0IZ5000000000000"]],
      ["entries of other digits", ["SET", "weir:rule:somebody", "sliding-log 3|0IZ50000000000000~"]],
      ["a fraction before entries", ["SET", "weir:rule:somebody", "sliding-log 2.5|0oooooooo000000003"]],
      ["a text before entries", ["SET", "weir:rule:somebody", 'sliding-log "3"|0oooooooo000000003']],
      ["a log cut off", ["SET", "weir:rule:somebody", "sliding-log 3"]],
      ["another algorithm's log", ["SET", "weir:rule:somebody", "sliding-window 3|0oooooooo000000003"]],
      ["a log's form with a block", [
        "SET",
        "weir:rule:somebody",
        "sliding-log+block [0,0,0,3]0oooooooo000000003",
      ]],
      ["a hash of other fields", ["HSET", "weir:rule:somebody", "a", "b"]],
      ["a hash with a text", ["HSET", "weir:rule:somebody", "", "hello", "a", "b"]],
      ["a hash with another algorithm's log", [
        ...["HSET", "weir:rule:somebody", "", "sliding-window 3|0oooooooo000000003"],
      ]],
      ["a list", ["RPUSH", "weir:rule:somebody", "a"]],
    ];
    for (const [name, words] of foreignLogs) {
      it(`counts as empty and is written anew as a log: ${name}`, async () => {
        await command(...words);
        const algorithm = slidingLog();
        const [decision] = await storeOf().decide([checkOf({ algorithm })]);
        assertEquals([decision.allowed, decision.remaining], [true, 2]);
        assertMatch(String(await get("weir:rule:somebody")), /^sliding-log 1\|[0-o]{9}000000001$/);
        await assertLivesEnd({ command }, 60_000);
      });
    }

    it("counts an entry of a log that is its own", async () => {
      await command("SET", "weir:rule:somebody", "sliding-log 1|0oooooooo000000001");
      const [decision] = await storeOf().decide([checkOf({ algorithm: slidingLog() })]);
      assertEquals(decision.remaining, 1);
    });

    it("counts as empty where a rule got another algorithm, or a block, or lost one", async () => {
      const block = { after: 1, windowMs: 1000, forMs: 1000, growth: 1, maxMs: 1000 };
      const store = storeOf();
      const remaining = [];
      for (const bare of ALGORITHMS) {
        for (const algorithm of [bare, withBlock(bare, block) as Algorithm, bare]) {
          remaining.push((await store.decide([checkOf({ algorithm })]))[0].remaining);
        }
      }
      assertEquals(remaining, remaining.map(() => 2));
    });

    it("does not live on where the request changes nothing", async () => {
      await command("SET", "weir:rule:somebody", "hello");
      await storeOf().decide([checkOf({ cost: 4 })]);
      await assertLivesEnd({ command }, 60_000);
    });
  });

  describe("when something is wrong", () => {
    it("rejects with what Redis says, and writes nothing", async () => {
      const store = storeOf();
      await store.decide([checkOf()]);
      await command("CONFIG", "SET", "maxmemory", 1);
      await assertRejects(async () => await store.decide(checksOf(3)), Error, "OOM");
      await command("CONFIG", "SET", "maxmemory", 0);
      assertEquals((await lives({ command })).size, 1);
      await command("REPLICAOF", "127.0.0.1", 1);
      await assertRejects(async () => await store.decide([checkOf()]), Error, "READONLY");
      await command("REPLICAOF", "NO", "ONE");
    });

    it("never sends a call again", async () => {
      const sent: string[] = [];
      const broken = {
        send: (command: string) => {
          sent.push(command);
          return Promise.reject(new Error("The connection was reset"));
        },
      };
      await assertRejects(
        async () => await redisStore({ client: broken }).decide([checkOf()]),
        Error,
        "reset",
      );
      assertEquals(sent, ["EVALSHA"]);
    });

    const answers = [
      ...[null, undefined, "", "OK", [], [1], {}, [1, null], [1, [1, 1, 1, 1, 1, 1]], [1, "ERR"], [1, "9 x"]],
      ...[[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1], [1, "9 x", 0, 0, 0, 0, 0], [1, "ERR", 0, 0, 0, 0, 0]],
      ...[["x", 1, 1, 1, 1, 1, 1], [null, 1, 1, 1, 1, 1, 1], [1, 1, "x", 1, 1, 1, 1], [1, 0, "", 1, 1, 1, 1]],
      ...[[1, 1, null, 1, 1, 1, 1], [1, 0, 1.5, 1, 1, 1, 1], [1, true, 1, 1, 1, 1, 1], [1, 7, 1, 1, 1, 1, 1]],
      ...[[1, 0, [], 1, 1, 1, 1], [1, ...Array(6).fill(null)]],
      ...[
        "x¦",
        "1",
        "1¦¦",
        "1¦x",
        "1¦1763800000000",
        "1¦17638000000001.5",
        "1¦: 1 1 1 1 1",
        "1¦: 7 1 1 1 1 1",
      ],
      ...["1¦: 1 x 1 1 1 1", "1¦!9 x", "1¦!1", "1¦gcra 1 2 3 4", "1.5¦", "¦", ["1¦", "1¦"], 1],
    ];
    for (const answer of answers) {
      it(`rejects an answer that is none of the script's: ${JSON.stringify(answer)}`, async () => {
        const store = redisStore({ client: { send: () => Promise.resolve(answer) } });
        await assertRejects(
          async () => await store.decide([checkOf()]),
          Error,
          "must be the time and the state of each check",
        );
      });
    }

    it("refuses an algorithm without a Lua twin when the throttle is made", () => {
      const halving: Algorithm = { name: "halving", step: fixedWindow().step };
      assertThrows(
        () => createThrottle({ name: "odd", rate: "1/min", algorithm: halving }, { store: storeOf() }),
        TypeError,
        'Cannot use rule "odd" as its algorithm must have a Lua twin, its lua, to be decided on Redis: current value is "halving"',
      );
    });

    it("runs the twin of an algorithm of one's own, and says what is wrong with a broken one", async () => {
      const lua = `function(state, limit, window, now, cost, since, p)
        local used = (state and state[1] or 0) + cost
        return used <= p[1], p[1] - used, window, used <= p[1] and 0 or window, { used }, window
      end`;
      const own: Algorithm = { name: "own", step: fixedWindow().step, lua, params: [2] };
      const store = storeOf();
      const verdicts = [];
      for (let i = 0; i < 3; i++) {
        verdicts.push((await store.decide([checkOf({ algorithm: own })]))[0].allowed);
      }
      assertEquals(verdicts, [true, true, false]);
      const broken: Algorithm = { ...own, name: "broken", lua: "function() return nobody.knows end" };
      await assertRejects(async () => await store.decide([checkOf({ algorithm: broken })]), Error, "nobody");
    });

    it("reads states of a built-in algorithm under a name of one's own, whatever that begins with", async () => {
      const store = storeOf();
      for (const name of ["24h", "1-5", "-3", "2", "own 1 %", "fixed-window 2"]) {
        for (const built of [fixedWindow(), fixedWindow({ aligned: true }), gcra()]) {
          const algorithm = { ...built, name, form: undefined };
          const check = checkOf({ key: `rule:${name}${built.name}${built.form}`, algorithm });
          for (const remaining of [2, 1, 0, 0]) {
            assertEquals((await store.decide([check]))[0].remaining, remaining, name);
          }
        }
      }
    });

    it("leaves all but one rule as they are where its twin fails, on Redis or by giving no numbers", async () => {
      const twins = ["return nobody.knows", "return true", "return true, 1, 1, 0, { {} }, 1", "error('no')"];
      for (const body of twins) {
        const algorithm: Algorithm = { ...fixedWindow(), name: "broken", lua: `function() ${body} end` };
        const events: string[] = [];
        const throttle = createThrottle([
          { name: "before", rate: "20/min" },
          { name: "broken", rate: "20/min", algorithm, onStoreFailure: "allow" },
          { name: "after", rate: "20/min" },
        ], {
          store: storeOf(),
          client: { address: () => `192.0.2.${twins.indexOf(body)}` },
          observers: [({ type, state, part }) => type === "store" && events.push(`${state} ${part}`)],
        });
        const request = new Request("https://example.com/");
        for (let i = 0; i < 10; i++) {
          const { decisions } = await throttle.check(request);
          assertEquals(decisions.map(({ source }) => source), ["store", "allowed-by-policy", "store"], body);
          assertEquals([decisions[0].remaining, decisions[2].remaining], [19 - i, 19 - i]);
        }
        assertEquals(events, ['failing rule "broken"']);
      }
    });

    it("refuses more rules for one request than a script can take, when the throttle is made", async () => {
      const rules = (count: number) =>
        Array.from({ length: count }, (_, i) => ({ name: `r${i}`, rate: "1/min" }));
      assertThrows(
        () => createThrottle(rules(7001), { store: storeOf() }),
        TypeError,
        "Cannot decide all rules together on Redis as a request must have at most 7000: current value is 7001",
      );
      assertEquals((await storeOf().decide(checksOf(7000))).length, 7000);
    });
  });

  describe("its options", () => {
    const refused: readonly [string, Record<string, unknown>, string][] = [
      [
        "no client",
        { client: undefined },
        "client must be able to run a script, by one of send, evalSha, evalsha",
      ],
      [
        "the address of a Redis in place of a client, without its password",
        { client: "redis://:secret@localhost" },
        "client must be able to run a script, by one of send, evalSha, evalsha (a client of Bun, node-redis, " +
        "ioredis or iovalkey): current value is not shown",
      ],
      ["a client that cannot run scripts", { client: { get() {} } }, "client must be able to run a script"],
      [
        "an empty prefix",
        { prefix: "" },
        'prefix must be a text of at least one character: current value is ""',
      ],
      [
        "a deadline of 0",
        { timeoutMs: 0 },
        "timeoutMs must be an integer from 1 to 2147483647: current value is 0",
      ],
      ["an endless deadline", { timeoutMs: Infinity }, "timeoutMs must be an integer from 1"],
      ["a deny cache of 5", { denyCache: 5 }, "denyCache must be true or false: current value is 5"],
      ["an empty secret", { hashKeys: "" }, "hashKeys must be a secret text of at least one character"],
      ["a secret that was not set", { hashKeys: undefined }, "hashKeys must be a secret text"],
      [
        "an option that does not exist",
        { timeout: 5 },
        'it takes no option but client, prefix, timeoutMs, denyCache, hashKeys, lease: current value is "timeout"',
      ],
    ];
    for (const [name, options, sentence] of refused) {
      it(`refuses ${name}`, () => {
        assertThrows(
          () => redisStore({ client, ...options } as RedisStoreOptions),
          "timeoutMs" in options ? RangeError : TypeError,
          `Cannot make redisStore() as ${sentence}`,
        );
      });
    }

    it("tells a throttle its deadline and whether refusals may be cached", () => {
      const { shared, deadlineMs, denyCache } = redisStore({ client });
      assertEquals([shared, deadlineMs, denyCache], [true, 250, true]);
      const own = storeOf({ timeoutMs: 40, denyCache: false });
      assertEquals([own.deadlineMs, own.denyCache], [40, false]);
    });
  });

  it("goes by the clock of Redis, whatever this process believes", async () => {
    const real = Date.now;
    const store = storeOf();
    try {
      const time = async (): Promise<number> => {
        const [seconds, us] = await command("TIME") as string[];
        return Number(seconds) * 1000 + Math.floor(Number(us) / 1000);
      };
      for (const skewMs of [-5000, 0, 5000]) {
        Date.now = () => real() + skewMs;
        const before = await time();
        const [{ at }] = await store.decide([checkOf()]);
        assert(before <= at! && at! <= await time(), `${at} after ${before}`);
      }
    } finally {
      Date.now = real;
    }
  });
});
