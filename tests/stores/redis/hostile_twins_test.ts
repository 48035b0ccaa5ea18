import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { beforeEach, describe, it } from "node:test";
import {
  type Algorithm,
  type Check,
  createThrottle,
  fixedWindow,
  slidingLog,
  type StoreDecision,
} from "../../../mod.ts";
import { withBlock } from "../../../src/algorithms/block.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { lives, withoutRedis } from "../../harness/redis.ts";
import { suiteRedis } from "../../harness/suite_redis.ts";

/** Twins of one's own that fail, and names that no built-in algorithm has, in one call with other decisions. */

const policy = (name: string) => ({ name, limit: 1, windowMs: 60_000, mode: "enforce" as const });

/** A counter, as somebody writes one. */
function custom(lua: string, more: Partial<Algorithm> = {}): Algorithm {
  const step: Algorithm["step"] = () => {
    throw new Error("only Redis decides here");
  };
  return { name: "own", lua, step, ...more };
}

const COUNTER = `function(state, limit, window, now, cost, since, p)
  local used = state and state[1] or 0
  if used + cost > limit then return false, 0, window, window, state, window end
  return true, limit - used - cost, window, 0, { used + cost, 7 }, window
end`;

function checkOf(name: string, algorithm: Algorithm, cost = 1): Check {
  return { key: `${name}:somebody`, policy: policy(name), algorithm, cost, since: null };
}

describe("a twin of one's own", { skip: withoutRedis }, () => {
  const { command, client } = suiteRedis();
  beforeEach(async () => void await command("FLUSHALL"));

  const storeOf = () => redisStore({ client, timeoutMs: 10_000 });

  const names = [
    "it's",
    'a "quoted" name',
    "100%",
    "%d %s %",
    "two\nlines",
    "back\\slash",
    "]] --",
    "naïve",
    "漏斗",
    "🪣 bucket",
    "own 1",
    "^$()%.[]*+-?",
    "a|b",
    "nul\0nul",
    "lone\uD83D",
    "",
  ];
  for (const name of names) {
    for (const stateSize of [2, undefined]) {
      const width = stateSize === undefined ? "of any length" : "of constant length";
      it(`counts by states ${width} under the name ${JSON.stringify(name)}`, async () => {
        const store = storeOf();
        const check = checkOf("rule", custom(COUNTER, { name, stateSize }));
        const got = [];
        for (let i = 0; i < 3; i++) got.push((await store.decide([check]))[0].allowed);
        assertEquals(got, [true, false, false]);
      });
    }
  }

  it("never gets the state of one whose name begins with its own", async () => {
    const store = storeOf();
    const [[one], [other]] = [
      await store.decide([checkOf("rule", custom(COUNTER, { name: "own2" }))]),
      await store.decide([checkOf("rule", custom(COUNTER, { name: "own" }))]),
    ];
    assertEquals([one.allowed, other.allowed], [true, true]);
  });

  it("may end in a comment", async () => {
    const [{ allowed }] = await storeOf().decide([checkOf("rule", custom(`${COUNTER} -- the end`))]);
    assert(allowed);
    const params = "function(s, l, w, now, cost, since, p) return true, p[1], 1, 0, s, 1 end -- the end";
    const own = custom(params, { params: [42] });
    const block = { after: 1, windowMs: 1, forMs: 1, growth: 1, maxMs: 1 };
    for (const algorithm of [own, withBlock(own, block)]) {
      const [{ remaining }] = await storeOf().decide([checkOf("rule", algorithm)]);
      assertEquals(remaining, 42);
    }
  });

  it("with a parameter that no script can hold is refused at construction", () => {
    for (const param of [Infinity, NaN]) {
      const algorithm = custom(COUNTER, { params: [param] });
      assertThrows(
        () => createThrottle({ name: "own", rate: "1/min", algorithm }, { store: storeOf() }),
        TypeError,
        "finite",
      );
    }
  });

  const failing: readonly (readonly [string, string])[] = [
    ["throws text", "function() error('no') end"],
    ["throws a table", "function() error({ 1 }) end"],
    ["throws nothing", "function() error() end"],
    ["throws a text of many lines", "function() error('1 2\\n3') end"],
    ["returns nothing", "function() end"],
    ["returns no numbers", "function() return true, 'a', 'b', 'c', nil, 'd' end"],
    ["returns tables for numbers", "function() return true, {}, {}, {}, nil, {} end"],
    ["returns true for numbers", "function() return true, true, true, true, { 1 }, true end"],
    ["returns a life that is no number", "function() return true, 1, 1, 0, { 1 }, 'long' end"],
    ["returns a life without end", "function() return true, 1, 1, 0, { 1 }, math.huge end"],
    ["returns a life of NaN", "function() return true, 1, 1, 0, { 1 }, 0/0 end"],
    ["returns what is left as NaN", "function() return true, 0/0, 1, 0, { 1 }, 1000 end"],
    ["returns a state of text", "function() return true, 1, 1, 0, { 'a' }, 1000 end"],
    ["returns a text as its state", "function() return true, 1, 1, 0, 'state', 1000 end"],
    ["returns a number as its state", "function() return true, 1, 1, 0, 5, 1000 end"],
    ["returns a time that is no number", "function() return true, 1, 1, 0, { 1 }, 1000, {} end"],
    ["returns a block that is no number", "function() return true, 1, 1, 0, { 1 }, 1000, 5, {} end"],
    [
      "returns nothing without a cost",
      `function(s, l, w, now, cost)
      if cost > 0 then return true, 1, 1, 0, { 1 }, 1000 end
    end`,
    ],
    [
      "throws without a cost",
      `function(s, l, w, now, cost)
      if cost > 0 then return true, 1, 1, 0, { 1 }, 1000 end
      error('no cost')
    end`,
    ],
    ["asks for a variable that is not there", "function() return nowhere end"],
  ];
  for (const [what, lua] of failing) {
    for (const stateSize of [undefined, 2]) {
      it(`that ${what} fails its own decision alone, and charges nothing: ${stateSize ?? "any"} numbers`, async () => {
        for (const isRefused of [false, true]) {
          const store = storeOf();
          const full = checkOf("full", fixedWindow());
          await store.decide([full]);
          const good = (i: number) => checkOf(`good${i}`, fixedWindow());
          const bad = checkOf("bad", custom(lua, { stateSize }));
          const [first, broken, last] = await Promise.allSettled<readonly StoreDecision[]>([
            store.decide([good(1)]),
            store.decide([good(2), bad, ...isRefused ? [full] : []]),
            store.decide([good(3)]),
          ]);
          assertEquals([first.status, last.status], ["fulfilled", "fulfilled"]);
          const keys = await lives({ command });
          for (const [key, life] of keys) assert(life > 0 && life < 10 ** 9, `${key} ${life}`);
          // One that gives all it has to with a cost may refuse or pass.
          if (isRefused || !lua.includes("cost > 0")) {
            assert(broken.status === "rejected", `${isRefused}`);
            const { name, rule } = broken.reason as Error & { rule?: string };
            assertEquals([name, rule], ["RuleError", "bad"], String(broken.reason));
            assert(!keys.has("weir:good2:somebody"));
          }
          await command("FLUSHALL");
        }
      });
    }
  }

  const unusable: readonly (readonly [string, string, string])[] = [
    ["has a syntax error", "function(state, limit)\n  retrn 1 end", "user_script:2: '=' expected near '1'"],
    ["has no end", "function() return 1", "'end' expected"],
    ["has an end too many", "function() end end", "expected near 'end'"],
    ["is the name of nothing", "nowhere", "nonexistent global variable 'nowhere'"],
    ["is what a function returns that is nowhere", "nowhere(1)", "nonexistent global variable 'nowhere'"],
    ["is no function", "3", "attempt to call a number value"],
  ];
  for (const [what, lua, message] of unusable) {
    for (const block of [undefined, { after: 3, window: "1min", for: "1min" }]) {
      it(`that ${what} fails its own rule alone${block ? ", in a block" : ""}`, async () => {
        const algorithm: Algorithm = { ...fixedWindow(), name: "mine", lua };
        const errors: string[] = [];
        const throttle = createThrottle([
          { name: "before", rate: "20/min" },
          { name: "broken", rate: "20/min", algorithm, ...(block && { block }), onStoreFailure: "allow" },
          { name: "after", rate: "20/min", algorithm: slidingLog() },
        ], {
          store: storeOf(),
          client: { address: () => "192.0.2.1" },
          observers: [({ type, error, part }) => type === "store" && errors.push(`${part}: ${error}`)],
        });
        const requests = Array.from({ length: 10 }, () => new Request("https://example.com/"));
        const outcomes = await Promise.all(requests.map((request) => throttle.check(request)));
        for (const { decisions } of outcomes) {
          assertEquals(decisions.map(({ source }) => source), ["store", "allowed-by-policy", "store"]);
        }
        for (const rule of [0, 2]) {
          const left = outcomes.map(({ decisions }) => decisions[rule].remaining).sort((a, b) => a - b);
          assertEquals(left, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
        }
        assertEquals(errors.length, 1);
        assertStringIncludes(errors[0], 'rule "broken": RuleError: The step of rule "broken" failed: ');
        if (message.includes("expected")) assertMatch(errors[0], /lua of algorithm "mine(?:\+block)?": /);
        if (!block) assertStringIncludes(errors[0], message);
      });
    }
  }
});
