import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { concurrency } from "../../src/algorithms/concurrency.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import { slidingLog } from "../../src/algorithms/sliding_log.ts";
import { retryAfter } from "../../src/headers/retry_after.ts";
import { compose, firstOf } from "../../src/keys/compose.ts";
import { byGlobal } from "../../src/keys/global.ts";
import { byHeader } from "../../src/keys/header.ts";
import { byIp } from "../../src/keys/ip.ts";
import { keyOf } from "../../src/keys/key.ts";
import type { Rate } from "../../src/rules/rate.ts";
import { type PreparedRule, type Rule } from "../../src/rules/rule.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";

const byUser = keyOf("user", "after-auth", () => null);
const limits = (list: readonly PreparedRule[]) => list.map(({ limit, windowMs }) => [limit, windowMs]);
const names = (list: readonly PreparedRule[]) => list.map(({ name }) => name);

/** A rule as someone without a compiler may write it. */
function broken(properties: Record<string, unknown>): Rule {
  return { name: "login", rate: "5/min", ...properties } as Rule;
}

describe("a rule", () => {
  it("may be a bare rate, a rule, or a list of both", () => {
    assertEquals(limits(prepareRules("5/min")), [[5, 60_000]]);
    assertEquals(limits(prepareRules({ limit: 5, window: 60 })), [[5, 60_000]]);
    assertEquals(limits(prepareRules({ rate: "5/min" })), [[5, 60_000]]);
    assertEquals(
      limits(prepareRules(["5/min", { rate: { limit: 7, window: 1 } }, { limit: 9, window: "1h" }])),
      [
        [5, 60_000],
        [7, 1000],
        [9, 3_600_000],
      ],
    );
  });

  it("has defaults", () => {
    const [rule] = prepareRules("5/min");
    const {
      name,
      algorithm,
      stage,
      mode,
      on,
      onStoreFailure,
      refundable,
      key,
      cost,
      count,
      unless,
      headers,
    } = rule;
    assertEquals(
      {
        name,
        algorithm,
        stage,
        mode,
        on,
        onStoreFailure,
        refundable,
        key: key.keyName,
        cost,
        count,
        unless,
        headers,
      },
      {
        name: "ip.5-per-1min",
        algorithm: "fixed-window",
        stage: "before-auth",
        mode: "enforce",
        on: [],
        onStoreFailure: null,
        refundable: false,
        key: "ip",
        cost: 1,
        count: "all",
        unless: null,
        headers: null,
      },
    );
    assertEquals(rule.policy, { name, limit: 5, windowMs: 60_000, mode: "enforce" });
  });

  it("keeps what it says", () => {
    const unless = () => false;
    const headers = [retryAfter()];
    const [rule] = prepareRules({
      name: "a.b-C_9",
      rate: "5/min",
      key: byUser,
      on: ["post  /login", "/api/*"],
      algorithm: gcra({ burst: 2 }),
      cost: 0,
      count: "failures",
      unless,
      mode: "shadow",
      onStoreFailure: "deny",
      headers,
    });
    assertEquals([rule.name, rule.algorithm, rule.stage, rule.mode], [
      "a.b-C_9",
      "gcra",
      "after-auth",
      "shadow",
    ]);
    assertEquals([rule.cost, rule.count, rule.refundable, rule.onStoreFailure], [
      0,
      "failures",
      true,
      "deny",
    ]);
    assertEquals(rule.on, ["POST /login", "/api/*"]);
    assertStrictEquals(rule.unless, unless);
    assertStrictEquals(rule.headers, headers);
  });

  it("may have its rate per request, or none", () => {
    const rate = () => "5/min";
    const [dynamic, unlimited] = prepareRules([{ rate }, { rate: null }]);
    assertEquals([dynamic.limit, dynamic.windowMs, dynamic.policy], [null, null, null]);
    assertStrictEquals(dynamic.rate, rate);
    assertEquals([unlimited.limit, unlimited.windowMs, unlimited.policy], [null, null, null]);
    assertEquals((unlimited.rate as () => Rate | null)(), null);
  });

  it("takes the stage of its key unless it says a later one", () => {
    const stages = (rule: Rule) => prepareRules(rule)[0].stage;
    assertEquals(stages({ rate: "5/min", key: byIp() }), "before-auth");
    assertEquals(stages({ rate: "5/min", key: byIp(), stage: "after-auth" }), "after-auth");
    assertEquals(stages({ rate: "5/min", key: byUser }), "after-auth");
    assertEquals(stages({ rate: "5/min", key: () => "plain" }), "before-auth");
    assertEquals(stages({ rate: "5/min", key: compose(byIp(), byUser) }), "after-auth");
  });

  it("brings its window along under concurrency", () => {
    const [rule] = prepareRules({ rate: { limit: 2 }, algorithm: concurrency({ lease: "30s" }) });
    assertEquals([rule.limit, rule.windowMs, rule.refundable, rule.name], [2, 30_000, true, "ip.2-at-once"]);
  });

  it("on an identity cannot run before authentication", () => {
    for (
      const key of [byUser, compose(byIp(), byUser), firstOf(byUser, byIp()), byIp({ anonymousOnly: true })]
    ) {
      assertThrows(
        () => prepareRules(broken({ key, stage: "before-auth" })),
        TypeError,
        'needs an identity, so stage must be "after-auth": current value is "before-auth"',
      );
    }
  });
});

describe("a derived name", () => {
  const TABLE: readonly (readonly [Rate | Rule, string])[] = [
    ["60/min", "ip.60-per-1min"],
    ["5/15min", "ip.5-per-15min"],
    ["5/90s", "ip.5-per-90s"],
    ["5/120s", "ip.5-per-2min"],
    ["5/1500ms", "ip.5-per-1500ms"],
    ["50/week", "ip.50-per-7d"],
    [{ rate: "5/min", key: byGlobal() }, "global.5-per-1min"],
    [{ rate: "5/min", key: byHeader("X-Tenant") }, "header-x-tenant.5-per-1min"],
    [{ rate: "5/min", key: compose(byIp(), byHeader("x-a")) }, "ip-header-x-a.5-per-1min"],
    [{ rate: "5/min", key: () => "x" }, "key.5-per-1min"],
    [{ rate: "5/15min", on: "POST /login" }, "ip.POST-login.5-per-15min"],
    [{ rate: "5/min", on: ["GET /a", "/b/:id"] }, "ip.GET-a.b-id.5-per-1min"],
    [{ rate: "5/min", on: "*" }, "ip.5-per-1min"],
    [{ rate: () => "5/min" }, "ip.dynamic"],
    [{ rate: null }, "ip.unlimited"],
  ];
  for (const [rule, name] of TABLE) {
    it(`${name}`, () => assertEquals(names(prepareRules(rule)), [name]));
  }

  it("is unique, and leaves given names alone", () => {
    assertEquals(names(prepareRules(["5/min", "5/min", "5/min"])), [
      "ip.5-per-1min",
      "ip.5-per-1min-2",
      "ip.5-per-1min-3",
    ]);
    assertEquals(names(prepareRules(["5/min", { name: "ip.5-per-1min", rate: "7/min" }])), [
      "ip.5-per-1min-2",
      "ip.5-per-1min",
    ]);
  });

  it("is always one that could be given, and unique", () => {
    const on = fc.option(fc.stringMatching(/^\/(?:[a-z0-9\u00e9 _-][a-z0-9\u00e9 ._-]{0,89})?$/), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.array(on, { minLength: 1, maxLength: 15 }), (paths) => {
        const list = names(
          prepareRules(paths.map((on) => on === undefined ? "5/min" : { rate: "5/min", on })),
        );
        for (const name of list) assertMatch(name, /^[A-Za-z0-9_.-]{1,64}$/);
        assertEquals(new Set(list).size, list.length);
      }),
    );
  });
});

/** Properties of the rule "login" that are refused, and what the sentence says. */
const REFUSED: readonly (readonly [Record<string, unknown>, demand: string, shown: string])[] = [
  [{ key: "ip" }, "key must be a function, such as byIp()", '"ip"'],
  [{ key: null }, "key must be a function", "null"],
  [{ algorithm: "gcra" }, "algorithm must be gcra() or another object with a step function", '"gcra"'],
  [{ algorithm: null }, "algorithm must be gcra() or another object with a step function", "null"],
  [{ algorithm: {} }, "algorithm must be gcra() or another object with a step function", "{}"],
  [{ cost: -1 }, "cost must be an integer of at least 0, or a function", "-1"],
  [{ cost: 0.5 }, "cost must be an integer of at least 0, or a function", "0.5"],
  [{ cost: NaN }, "cost must be an integer of at least 0, or a function", "NaN"],
  [{ cost: Infinity }, "cost must be an integer of at least 0, or a function", "Infinity"],
  [{ cost: 2 ** 53 }, "cost must be an integer of at least 0, or a function", "9007199254740992"],
  [{ cost: "1" }, "cost must be an integer of at least 0, or a function", '"1"'],
  [{ count: "some" }, 'count must be "all", "failures", "successes" or a function', '"some"'],
  [{ unless: true }, "unless must be a function", "true"],
  [{ unless: null }, "unless must be a function", "null"],
  [
    { key: Object.assign(() => "all", { stage: "afterAuth" }) },
    'key.stage must be one of "before-auth", "after-auth"',
    '"afterAuth"',
  ],
  [
    { key: Object.assign(() => "all", { keyName: 5 }) },
    "key.keyName must be a text of at least one character",
    "5",
  ],
  [{ stage: "before" }, 'stage must be one of "before-auth", "after-auth"', '"before"'],
  [{ mode: "shade" }, 'mode must be one of "enforce", "shadow"', '"shade"'],
  [{ onStoreFailure: "open" }, 'onStoreFailure must be one of "local", "allow", "deny"', '"open"'],
  [{ headers: {} }, "headers must be a list of header formats", "{}"],
  [{ headers: [{}] }, "headers must be a list of header formats", "[{}]"],
  [{ headers: [null] }, "headers must be a list of header formats", "[null]"],
  [{ on: {} }, "on must be a pattern or a list of patterns", "{}"],
  [{ on: null }, "on must be a pattern or a list of patterns", "null"],
  [{ on: [5] }, 'on must be text such as "POST /login"', "5"],
  [{ max: 5 }, "it takes no option but name, rate, key,", '"max"'],
  [{ costs: 5 }, "it takes no option but name, rate, key,", '"costs"'],
  [{ block: null }, "block must be { after, window, for }", "null"],
  [{ block: 3 }, "block must be { after, window, for }", "3"],
  [{ block: { after: 0, window: 1, for: 1 } }, "block.after must be an integer from 1 to 1000", "0"],
  [{ block: { after: 1001, window: 1, for: 1 } }, "block.after must be an integer from 1 to 1000", "1001"],
  [{ block: { window: 1, for: 1 } }, "block.after must be an integer from 1 to 1000", "undefined"],
  [{ block: { after: 3, for: 1 } }, "block.window must be a number of seconds or a duration", "undefined"],
  [{ block: { after: 3, window: 1, for: 0 } }, "block.for must be a whole number of ms, at least 1", "0"],
  [
    { block: { after: 3, window: 1, for: 1, growth: 0.5 } },
    "block.growth must be a number of at least 1",
    "0.5",
  ],
  [
    { block: { after: 3, window: 1, for: 1, growth: NaN } },
    "block.growth must be a number of at least 1",
    "NaN",
  ],
  [{ block: { after: 3, window: 1, for: 2, max: 1 } }, "block.max must be at least block.for", "1"],
  [
    { block: { after: 3, window: 1, for: 2, grow: 2 } },
    "block takes no option but after, window,",
    '"grow"',
  ],
  [{ rate: { limit: 5 } }, "rate must have a window", '{"limit":5}'],
  [
    { algorithm: concurrency({ lease: 1 }) },
    "rate must be { limit } alone for concurrency",
    '"5/min"',
  ],
  [
    { algorithm: concurrency({ lease: 1 }), rate: { limit: 5 }, count: "failures" },
    'count must be "all" where every request gives back what it holds at its end',
    '"failures"',
  ],
];

describe("a rule that is wrong", () => {
  for (const [properties, demand, value] of REFUSED) {
    it(`${demand}: ${value}`, () => {
      const error = assertThrows(() => prepareRules(broken(properties)), Error, demand) as Error;
      assert(error instanceof TypeError || error instanceof RangeError);
      assert(error.message.startsWith('Cannot use rule "login" as '), error.message);
      assert(error.message.endsWith(`: current value is ${value}`), error.message);
    });
  }

  it("is refused when its algorithm cannot do the rate exactly", () => {
    const big: Rule = { name: "login", rate: "10001/day", algorithm: slidingLog() };
    const error = assertThrows(() => prepareRules(big), RangeError, "slidingWindow()") as Error;
    assert(error.message.startsWith('Cannot use rule "login" as slidingLog() remembers every request'));
    assert(error.message.endsWith("current value is 10001"));
    assertThrows(
      () => prepareRules({ name: "login", rate: "999999999999999/day", algorithm: gcra() }),
      RangeError,
      "burst x window in ms must be at most 2^53 - 1 to be exact: current value is 999999999999999 x 86400000",
    );
  });

  it("has a name that is no name", () => {
    for (const name of ["", "a b", "a:b", 'a"b', "é", "a".repeat(65), "a\n", 5, null, {}]) {
      const error = assertThrows(
        () => prepareRules(broken({ name })),
        TypeError,
        "its name must match",
      ) as Error;
      assert(error.message.startsWith("Cannot use rule 1 as "));
      assert(error.message.endsWith(`current value is ${JSON.stringify(name)}`), error.message);
    }
  });

  it("has the name of another", () => {
    const twice: Rule[] = [{ name: "a", rate: "5/min" }, { name: "a", rate: "9/min" }];
    assertThrows(
      () => prepareRules(twice),
      TypeError,
      'Cannot use rule "a" as its name must be unique in the throttle: current value is "a"',
    );
  });

  it("is no rule at all", () => {
    for (const rule of [null, undefined, 5, true]) {
      const error = assertThrows(() => prepareRules(["5/min", rule as unknown as Rate])) as Error;
      assertInstanceOf(error, TypeError);
      assert(error.message.startsWith("Cannot use rule 2 as "), error.message);
      assert(error.message.endsWith(`current value is ${rule}`), error.message);
    }
    assertThrows(() => prepareRules([]), TypeError, "at least one rule: current value is []");
    assertThrows(() => prepareRules(null as unknown as Rate), TypeError, "{ rate: null } is unlimited");
  });
});
