import { assert, assertEquals, assertFalse, assertLess, assertRejects, assertThrows } from "@std/assert";
import { Redis as Upstash } from "@upstash/redis";
import process from "node:process";
import { after, before, beforeEach, describe, it } from "node:test";
import { byGlobal, createThrottle, fixedWindow, type Store } from "../../../mod.ts";
import { upstashStore, type UpstashStoreOptions } from "../../../src/stores/upstash/mod.ts";
import { awakeClock } from "../../harness/awake.ts";
import { type Bridge, type BridgeFault, startBridge } from "../../harness/bridge.ts";
import { checkOf, checksOf } from "../../harness/checks.ts";
import { assertLivesEnd } from "../../harness/lives.ts";
import { type Redis, startRedis, withoutRedis } from "../../harness/redis.ts";
import { runtime } from "../../harness/runtime.ts";
import { pause } from "../../harness/until.ts";

describe("upstashStore", { skip: withoutRedis }, () => {
  let redis: Redis;
  let bridge: Bridge;
  before(async () => {
    redis = await startRedis();
    bridge = await startBridge(redis);
  });
  after(async () => {
    await assertLivesEnd(redis);
    await bridge.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await redis.command("FLUSHALL");
    bridge.fault = null;
    bridge.resetCounts();
  });

  /** With a deadline that no machine misses. */
  const storeOf = (options: Partial<UpstashStoreOptions> = {}): Store =>
    upstashStore(
      { url: bridge.url, token: bridge.token, timeoutMs: 10_000, ...options } as UpstashStoreOptions,
    );

  for (const rules of [1, 3, 10]) {
    it(`asks ${rules} rules in one HTTP request with one script call`, async () => {
      const throttle = createThrottle(
        Array.from({ length: rules }, (_, i) => ({ name: `rule-${i}`, rate: "100/min", key: byGlobal() })),
        { store: storeOf() },
      );
      const request = new Request("https://api.example/");
      assert((await throttle.check(request)).allowed);
      bridge.resetCounts();
      assert((await throttle.check(request)).allowed);
      assertEquals([bridge.requests, Object.fromEntries(bridge.commands)], [1, { EVALSHA: 1 }]);
    });
  }

  it("asks nothing at all for a repeated refusal", async () => {
    const store = storeOf();
    const throttle = createThrottle({ rate: "1/min", key: byGlobal() }, { store });
    const request = new Request("https://api.example/");
    assert((await throttle.check(request)).allowed);
    assertEquals((await throttle.check(request)).decisions[0].source, "store");
    bridge.resetCounts();
    for (let i = 0; i < 10; i++) {
      const { allowed, decisions: [decision] } = await throttle.check(request);
      assertEquals([allowed, decision.source], [false, "deny-cache"]);
    }
    assertEquals(bridge.requests, 0);
  });

  describe("asked many things at the same moment", () => {
    it("sends them in one command of one HTTP request, each decision by itself", async () => {
      const store = storeOf();
      await store.decide([checkOf()]);
      bridge.resetCounts();
      const answers = await Promise.all(Array.from({ length: 10 }, () => store.decide([checkOf()])));
      assertEquals(answers.filter(([{ allowed }]) => allowed).length, 2);
      assertEquals([bridge.requests, bridge.commands.get("EVALSHA")], [1, 1]);
    });

    for (const hashKeys of [undefined, "a secret"]) {
      it(`decides 32 requests under three rules in one command, keys ${hashKeys ? "hashed" : "as they are"}`, async () => {
        const store = storeOf(hashKeys ? { hashKeys } : {});
        const throttle = createThrottle(["1000/min", "5000/hour", "9000/day"], {
          store,
          client: { address: (_request, client) => client as string },
        });
        const ask = (client: number) =>
          throttle.check(new Request("https://api.example/"), `192.0.2.${client}`);
        // Which also makes the keys' hashes: those take a moment of their own.
        await Promise.all(Array.from({ length: 32 }, (_, i) => ask(i)));
        bridge.resetCounts();
        const outcomes = await Promise.all(Array.from({ length: 32 }, (_, i) => ask(i)));
        assert(outcomes.every(({ allowed, decisions }) => allowed && decisions.length === 3));
        assertEquals([bridge.requests, Object.fromEntries(bridge.commands)], [1, { EVALSHA: 1 }]);
      });
    }

    it("sends no more than 128 keys in one command, so that Redis is not held up, but all in one request", async () => {
      const store = storeOf();
      await store.decide([checkOf()]);
      bridge.resetCounts();
      const ask = (i: number) => store.decide([1, 2, 3].map((n) => checkOf({ key: `rule:${i} ${n}` })));
      const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i)));
      assert(answers.every((decisions) => decisions.every(({ remaining }) => remaining === 2)));
      assertEquals([bridge.requests, Object.fromEntries(bridge.commands)], [1, { EVALSHA: 3 }]);
    });

    it("decides in the order that was asked in, and peeks beside charges", async () => {
      const store = storeOf();
      const asked = [true, false, true, true, true, false].map((spend) => store.decide([checkOf()], spend));
      const answers = (await Promise.all(asked)).map(([{ allowed, remaining }]) => [allowed, remaining]);
      assertEquals(answers, [[true, 2], [true, 2], [true, 1], [true, 0], [false, 0], [false, 0]]);
    });

    it("fails those alone that fail", async () => {
      const plain = fixedWindow();
      const unlucky = { ...plain, lua: `function(...) error('unlucky') end` };
      const muddled = { ...plain, lua: `function() return true, 0, 0, 0, { {} }, 1 end` };
      const store = storeOf();
      await store.decide([checkOf()]);
      for (const [algorithm, words] of [[unlucky, "unlucky"], [muddled, "number expected"]] as const) {
        await assertRejects(async () => await store.decide([checkOf({ algorithm })]), Error, words);
      }
      bridge.resetCounts();
      const asked = [plain, unlucky, muddled, plain].map(async (algorithm) =>
        await store.decide([checkOf({ algorithm })])
      );
      const outcomes = await Promise.allSettled(asked);
      assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "rejected", "fulfilled"]);
      assertEquals([bridge.requests, bridge.commands.get("EVALSHA")], [1, 1]);
      assertEquals((await store.decide([checkOf()]))[0].allowed, false, "three passed");
    });
  });

  it("keeps its connection", async () => {
    const store = storeOf();
    await store.decide([checkOf()]);
    bridge.resetCounts();
    for (let i = 0; i < 20; i++) {
      await pause(1); // Deno has its connection back a moment after the answer, and opens another until then.
      await store.decide([checkOf()]);
    }
    assertEquals([bridge.requests, bridge.connections], [20, 0]);
  });

  it("sends of a rule little more than its key", async () => {
    const words: unknown[][] = [];
    const client = new Upstash({ url: bridge.url, token: bridge.token });
    const evalsha = (sha: string, keys: string[], args: unknown[]) => {
      words.push(args);
      return client.evalsha(sha, keys, args) as Promise<unknown>;
    };
    const store = upstashStore({
      client: { evalsha, eval: client.eval.bind(client), del: client.del.bind(client) },
      timeoutMs: 10_000,
    });
    const { rules: [rule] } = createThrottle({ name: "static", rate: "5/min" }, { store });
    const checks = [
      checkOf({ key: "static:somebody", limit: 5, windowMs: 60_000, algorithm: rule.implementation }),
      checkOf({ key: "other:somebody", limit: 5000, windowMs: 86_400_000 }),
    ];
    await store.decide([checks[0]]);
    await store.decide(checks);
    // One word where the script has all rules, with a bit for each.
    assertEquals(words.at(-2), ["1"]);
    // Else the number of checks; of each the rule; and the rate where the script does not have it.
    const [dynamic, fixed] = ["1", "2"];
    assertEquals(words.at(-1), ["#", "2", fixed, dynamic, "5000", "86400000", "", ""]);
  });

  it("sends the script's text where the server has forgotten it, for that command alone", async () => {
    const store = storeOf();
    await store.decide([checkOf()]);
    await redis.command("SCRIPT", "FLUSH");
    bridge.resetCounts();
    const answers = await Promise.all([1, 2, 3].map(() => store.decide([checkOf()])));
    assertEquals(answers.filter(([{ allowed }]) => allowed).length, 2);
    assertEquals(Object.fromEntries(bridge.commands), { EVALSHA: 1, EVAL: 1 });
  });

  it("counts to the last digit through JSON", async () => {
    const check = checkOf({ limit: 999_999_999_999_999, cost: 999_999_999_999_998 });
    assertEquals((await storeOf().decide([check]))[0].remaining, 1);
  });

  it("tells Infinity through JSON", async () => {
    assertEquals((await storeOf().decide([checkOf({ cost: 4 })]))[0].retryAfterMs, Infinity);
  });

  describe("with a client of the user's own", () => {
    const clients: readonly [string, Record<string, unknown>][] = [
      ["as it comes", {}],
      ["without automatic pipelining", { enableAutoPipelining: false }],
      ["without deserialization", { automaticDeserialization: false }],
      ["without base64", { responseEncoding: false }],
    ];
    for (const [name, options] of clients) {
      it(`decides as with its own: ${name}`, async () => {
        const client = new Upstash({ url: bridge.url, token: bridge.token, ...options });
        const store = upstashStore({ client, timeoutMs: 10_000 });
        const remaining = [];
        for (let i = 0; i < 4; i++) remaining.push((await store.decide([checkOf()]))[0].remaining);
        assertEquals(remaining, [2, 1, 0, 0]);
        await store.forget?.("rule:somebody");
        assertEquals((await store.decide([checkOf()]))[0].remaining, 2);
      });
    }

    it("rejects the null that a plain signal makes of a timeout", async () => {
      bridge.fault = { kind: "hang" };
      const client = new Upstash({ url: bridge.url, token: bridge.token, signal: AbortSignal.timeout(20) });
      await assertRejects(async () => await upstashStore({ client }).decide([checkOf()]), Error);
    });
  });

  describe("when the REST endpoint fails", () => {
    const DEADLINE_MS = 1000;
    const faults: readonly [string, BridgeFault, string][] = [
      ["a hanging answer", { kind: "hang" }, "time"],
      ["an answer after the deadline", { kind: "late", ms: 1.5 * DEADLINE_MS }, "time"],
      ["a reset connection", { kind: "reset" }, ""],
      ["a connection reset after the command was run", { kind: "lost" }, ""],
      ["401", { kind: "status", status: 401 }, "401"],
      ["429", { kind: "status", status: 429 }, "429"],
      [
        "500 in HTML",
        { kind: "status", status: 500, body: "<html>nginx</html>" },
        "status 500: no JSON: <html>",
      ],
      ["503", { kind: "status", status: 503 }, "503"],
      [
        "HTML instead of JSON",
        { kind: "body", body: "<html>captive portal</html>" },
        "status 200: no JSON: <html>",
      ],
      ["null", { kind: "body", body: "null" }, "status 200: null"],
      [
        "a null result",
        { kind: "body", body: '[{"result":null}]' },
        "must be the time and the state of each check: current value is null",
      ],
      [
        "a text for a result",
        { kind: "body", body: '[{"result":"OK"}]' },
        "must be the time and the state of each check",
      ],
      ["too few results", { kind: "body", body: "[]" }, "left a command without an answer"],
      ["an error of Redis", { kind: "body", body: '[{"error":"LOADING Redis is loading"}]' }, "LOADING"],
    ];
    for (const [name, fault, words] of faults) {
      it(`rejects within its deadline: ${name}`, async () => {
        await storeOf().decide([checkOf()]);
        const store = storeOf({ timeoutMs: DEADLINE_MS });
        bridge.fault = fault;
        const clock = awakeClock();
        await assertRejects(async () => await store.decide([checkOf()]), Error, words);
        assertLess(clock.ms(), 2 * DEADLINE_MS);
        clock.stop();
      });
    }

    it("sends nothing again by itself, also where the connection is reset", async () => {
      const store = storeOf();
      await store.decide([checkOf()]);
      bridge.resetCounts();
      bridge.fault = { kind: "lost" };
      await assertRejects(async () => await store.decide([checkOf()]));
      // Deno's fetch sends a request again when its connection is reset, and Bun's may: neither can be told not to.
      if (runtime === "node") assertEquals(bridge.requests, 1);
      else assert(bridge.requests <= 2);
    });

    it("says nothing of keys and script in its errors", async () => {
      const store = storeOf();
      bridge.fault = { kind: "status", status: 500 };
      const error = await assertRejects(async () =>
        await store.decide([checkOf({ key: "rule:203.0.113.9" })])
      );
      assertFalse(/203|evalsha|command was/i.test(String(error)), String(error));
    });

    it("works again as soon as the endpoint does", async () => {
      const store = storeOf();
      bridge.fault = { kind: "reset" };
      await assertRejects(async () => await store.decide([checkOf()]));
      bridge.fault = null;
      assertEquals((await store.decide(checksOf(2))).length, 2);
    });

    it("takes a URL that ends in slashes", async () => {
      const store = storeOf({ url: `${bridge.url}//` });
      assertEquals((await store.decide([checkOf()])).length, 1);
    });

    it("follows no redirection, which may lead elsewhere with the token", async () => {
      const store = storeOf();
      bridge.fault = { kind: "status", status: 307, location: `${bridge.url}/pipeline` };
      await assertRejects(async () => await store.decide([checkOf()]), Error, "status 307");
      assertEquals(bridge.requests, 1);
    });

    it("rejects on a bad token, once", async () => {
      const store = storeOf({ token: "another-token" });
      await assertRejects(async () => await store.decide([checkOf()]), Error, "WRONGPASS");
      assertEquals(bridge.requests, 1);
    });
  });

  describe("its options", () => {
    const refused: readonly [string, Record<string, unknown>, string][] = [
      [
        "no url",
        { url: undefined },
        "url must be the https:// URL of the database's REST API: current value is of type undefined",
      ],
      ["another kind of URL", { url: "redis://x" }, "url must be the https:// URL"],
      ["a url with a blank", { url: "https://x y" }, "url must be the https:// URL"],
      [
        "a url with a password, and does not show it",
        { url: "https://default:secret@x" },
        "url must be the https:// URL of the database's REST API: current value is not shown",
      ],
      ["a url with a query", { url: "https://x?y=1" }, "url must be the https:// URL"],
      [
        "no token",
        { token: undefined },
        "token must be the database's REST token, without blanks: current value is of type undefined",
      ],
      [
        "a token with a line's end",
        { token: "abc\n" },
        "token must be the database's REST token, without blanks: current value is not shown",
      ],
      [
        "a client of another kind, and shows nothing of it",
        { client: { token: "secret", get() {} } },
        "client must be a Redis of @upstash/redis: current value is of type object",
      ],
      [
        "an option that does not exist",
        { ephemeralCache: true },
        "it takes no option but url, token, client, prefix",
      ],
    ];
    for (const [name, options, sentence] of refused) {
      it(`refuses ${name}`, () => {
        assertThrows(
          () => storeOf(options as Partial<UpstashStoreOptions>),
          TypeError,
          `Cannot make upstashStore() as ${sentence}`,
        );
      });
    }
  });

  describe("fromEnv", () => {
    const names = ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"] as const;
    const clear = () => names.forEach((name) => delete process.env[name]);
    beforeEach(clear);
    after(clear);

    it("reads the database's URL and token from the environment", async () => {
      process.env.UPSTASH_REDIS_REST_URL = bridge.url;
      process.env.UPSTASH_REDIS_REST_TOKEN = bridge.token;
      const store = upstashStore.fromEnv({ prefix: "env", timeoutMs: 10_000 });
      assert((await store.decide([checkOf()]))[0].allowed);
      assertEquals(await redis.command("EXISTS", "env:rule:somebody"), 1);
    });

    it("names the variable that is not set", () => {
      assertThrows(
        () => upstashStore.fromEnv(),
        TypeError,
        "UPSTASH_REDIS_REST_URL must be set in the environment",
      );
      process.env.UPSTASH_REDIS_REST_URL = bridge.url;
      assertThrows(() => upstashStore.fromEnv(), TypeError, "UPSTASH_REDIS_REST_TOKEN must be set");
    });
  });
});
