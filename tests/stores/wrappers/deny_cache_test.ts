import { describe, it } from "node:test";
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import {
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  type MaybePromise,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
} from "../../../mod.ts";
import { type ChargedDecision, refuses } from "../../../src/decision.ts";
import { prepareRules } from "../../../src/rules/prepare_rules.ts";
import type { WrappedStore } from "../../../src/stores/store.ts";
import { denyCache, type DenyCacheOptions } from "../../../src/stores/wrappers/deny_cache.ts";

/** A shared store that counts how often it is asked. */
function counted(now: () => number): Store & { calls: number } {
  const memory = memoryStore({ clock: now });
  const store = {
    shared: true,
    clock: now,
    calls: 0,
    decide(checks: readonly Check[], spend?: boolean) {
      store.calls++;
      return memory.decide(checks, spend);
    },
    forget: (key: string) => memory.forget?.(key),
  };
  return store;
}

/** Rules, the store behind a deny cache, and a way to ask it. */
function cached(rules: Rule | readonly Rule[], options?: DenyCacheOptions) {
  const time = { now: 1_700_000_000_000 };
  const store = counted(() => time.now);
  const prepared = prepareRules(rules);
  const cache = denyCache(store as WrappedStore, prepared, options);
  const checkOf = (cost: number, key: string, index = 0): Check => ({
    key: `${prepared[index].name}:${key}`,
    policy: prepared[index].policy!,
    algorithm: prepared[index].implementation,
    cost,
    since: null,
  });
  function ask(cost = 1, key = "a"): readonly ChargedDecision[] {
    return cache.decide(prepared.map((_, i) => checkOf(cost, key, i))) as readonly ChargedDecision[];
  }
  return { time, store, prepared, cache, ask, checkOf };
}

describe("a refusal that is known", () => {
  it("is answered without the store until its wait is over, to the ms", () => {
    const { time, store, ask } = cached({ name: "r", rate: "2/min" });
    for (let i = 0; i < 3; i++) ask();
    assertEquals(store.calls, 3);
    for (let left = 59_999; left > 0; left -= 7_000) {
      time.now += left === 59_999 ? 1 : 7_000;
      const [{ allowed, source, retryAfterMs, resetAfterMs, remaining, at }] = ask();
      assertEquals([allowed, source, retryAfterMs, resetAfterMs, remaining], [
        false,
        "deny-cache",
        left,
        left,
        0,
      ]);
      assertEquals(at, time.now);
    }
    assertEquals(store.calls, 3);
    time.now = 1_700_000_000_000 + 59_999;
    assertEquals(ask()[0].source, "deny-cache");
    time.now += 1;
    assertEquals([ask()[0].allowed, store.calls], [true, 4]);
  });

  it("refuses only costs at least as high", () => {
    const { store, ask } = cached({ name: "r", rate: "10/min" });
    ask(8);
    assertEquals(ask(5)[0].allowed, false);
    assertEquals([ask(5)[0].source, ask(7)[0].source, store.calls], ["deny-cache", "deny-cache", 2]);
    const [cheaper] = ask(1);
    assertEquals([cheaper.allowed, cheaper.remaining, cheaper.source], [true, 1, "store"]);
    assertEquals([ask(5)[0].remaining, ask(5)[0].remaining], [1, 1], "numbers are those after the charge");
  });

  it("answers with the refusing rules alone", () => {
    const { ask } = cached([{ name: "wide", rate: "100/min" }, { name: "narrow", rate: "1/min" }, {
      name: "shadow",
      rate: "1/min",
      mode: "shadow",
    }]);
    ask();
    assertEquals(ask().map(({ rule }) => rule), ["wide", "narrow", "shadow"]);
    assertEquals(ask().map(({ rule }) => rule), ["narrow"]);
  });

  it("is one key's", () => {
    const { ask } = cached({ name: "r", rate: "1/min" });
    ask(1, "a");
    ask(1, "a");
    assertEquals([ask(1, "a")[0].allowed, ask(1, "b")[0].allowed], [false, true]);
  });

  it("is not asked by a peek, which says what the store says", () => {
    const { store, cache, checkOf, ask } = cached([{ name: "a", rate: "1/min" }, {
      name: "b",
      rate: "5/min",
    }]);
    ask();
    ask();
    const peeked = cache.decide(
      [checkOf(1, "a", 0), checkOf(1, "a", 1)],
      false,
    ) as readonly ChargedDecision[];
    assertEquals(peeked.map(({ rule, allowed, source }) => [rule, allowed, source]), [
      ["a", false, "store"],
      ["b", true, "store"],
    ]);
    assertEquals(store.calls, 3);
  });

  it("is forgotten at once when it is reset here, through any throttle on that store", async () => {
    const time = { now: 0 };
    const store = counted(() => time.now);
    const options = { store, client: { address: () => "192.0.2.1" } };
    const rule: Rule = { name: "r", rate: "1/min" };
    const [first, second] = [createThrottle(rule, options), createThrottle(rule, options)];
    const request = new Request("https://example.com/");
    const allowed = async () => (await first.check(request)).allowed;
    assertEquals([await allowed(), await allowed(), await allowed()], [true, false, false]);
    await second.reset("r", "192.0.2.1");
    assertEquals([await allowed(), await allowed()], [true, false]);
    await first.reset("r", "192.0.2.1");
    assertEquals(await allowed(), true);
  });

  it("a refusal that was asked for before a reset and comes after it is not remembered", async () => {
    const [rule] = prepareRules([{ name: "r", rate: "1/min" }]);
    const memory = memoryStore({ clock: () => 0 });
    const open: (() => void)[] = [];
    const later = <T>(value: T) => new Promise<T>((resolve) => open.push(() => resolve(value)));
    const cache = denyCache(
      {
        shared: true,
        clock: () => 0,
        decide: (checks, spend) => later(memory.decide(checks, spend) as readonly ChargedDecision[]),
        forget: (key) => later(memory.forget?.(key) as undefined),
      },
      [rule],
    );
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const answers = [cache.decide([check]), cache.decide([check])];
    const reset = cache.forget?.("r:a");
    open.splice(0).forEach((release) => release());
    await Promise.all([...answers, reset]);
    const next = cache.decide([check]);
    open.splice(0).forEach((release) => release());
    assertEquals((await next)[0].allowed, true);
  });
});

describe("a refusal that is not the rule's own", () => {
  it("of another burst, under one name on one store, is no answer", () => {
    const store = counted(() => 77);
    const rules = [3, 10].map((burst) =>
      prepareRules({ name: "r", rate: "20/min", algorithm: gcra({ burst }) })[0]
    );
    const caches = rules.map((rule) => denyCache(store as WrappedStore, [rule], { origin: store }));
    const pass = caches.map((cache, i) => {
      const { stateName, policy, implementation } = rules[i];
      const check = {
        key: `${stateName}:a`,
        policy: policy!,
        algorithm: implementation,
        cost: 1,
        since: null,
      };
      return Array.from({ length: 12 }, () => (cache.decide([check]) as readonly ChargedDecision[])[0])
        .filter((d) => d.allowed).length;
    });
    assertEquals(pass, [3, 7]);
  });

  it("was made by a clock that was a month ahead: the store is asked, which takes that for now", () => {
    const clock = { now: 30 * 86_400_000 };
    const [rule] = prepareRules([{ name: "r", rate: "1/min" }]);
    const cache = denyCache(counted(() => clock.now) as WrappedStore, [rule]);
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const ask = () => (cache.decide([check]) as readonly ChargedDecision[])[0];
    for (let i = 0; i < 3; i++) ask();
    clock.now = 1000;
    assertEquals(ask().retryAfterMs, 60_000);
    clock.now += 59_999;
    assertEquals([ask().source, ask().allowed], ["deny-cache", false]);
    clock.now++;
    assertEquals(ask().allowed, true);
  });
});

describe("answers that are never remembered", () => {
  const REVOCABLE: Readonly<Record<string, Rule>> = {
    "in shadow mode": { name: "r", rate: "1/min", mode: "shadow" },
    "of a rule that counts some responses only": { name: "r", rate: "1/min", count: "failures" },
    "of concurrency": { name: "r", rate: { limit: 1 }, algorithm: concurrency({ lease: "1min" }) },
    "of an algorithm of one's own": {
      name: "r",
      rate: "1/min",
      algorithm: { step: (...args) => fixedWindow().step(...args) },
    },
  };
  for (const [what, rule] of Object.entries(REVOCABLE)) {
    it(`a refusal ${what}`, () => {
      const { store, ask } = cached(rule);
      for (let i = 0; i < 5; i++) ask();
      assertEquals(store.calls, 5);
    });
  }

  it("a refusal of a rule with a rate from a function", async () => {
    const time = { now: 0 };
    const store = counted(() => time.now);
    let rate = "1/min";
    const throttle = createThrottle({ name: "r", rate: () => rate }, {
      store,
      client: { address: () => "192.0.2.1" },
    });
    const allowed = async () => (await throttle.check(new Request("https://example.com/"))).allowed;
    assertEquals([await allowed(), await allowed(), await allowed()], [true, false, false]);
    rate = "2/min";
    assertEquals(await allowed(), true);
  });

  it("a refusal of a rule that has been settled for less", async () => {
    const store = counted(() => 0);
    const throttle = createThrottle({ name: "r", rate: "10/min", cost: 6 }, {
      store,
      client: { address: () => "192.0.2.1" },
    });
    const ask = async () => await throttle.check(new Request("https://example.com/"));
    const first = await ask();
    assertEquals([(await ask()).allowed, (await ask()).decisions[0].source], [false, "deny-cache"]);
    await first.settle("r", 1);
    assertEquals([(await ask()).allowed, (await ask()).allowed], [true, false]);
    assertEquals((await ask()).decisions[0].source, "store");
  });

  it("a refusal that this instance's own counts, or a policy, made", async () => {
    for (const policy of ["local", "deny"] as const) {
      let isDown = true;
      const memory = memoryStore({ clock: () => 0 });
      const throttle = createThrottle({ name: "r", rate: "1/min", onStoreFailure: policy }, {
        store: {
          shared: true,
          clock: () => 0,
          decide: (checks, spend) =>
            isDown ? Promise.reject(new Error("down")) : memory.decide(checks, spend),
        },
        client: { address: () => "192.0.2.1" },
      });
      const ask = async () => await throttle.check(new Request("https://example.com/"));
      for (let i = 0; i < 3; i++) await ask();
      isDown = false;
      assertEquals((await ask()).allowed, true);
    }
  });
});

describe("blocks", () => {
  const rule: Rule = {
    name: "login",
    rate: "2/hour",
    block: { after: 3, window: "10min", for: "5min", growth: 2 },
  };

  it("a refusal of the quota reaches the store, which counts it; one of the block does not", () => {
    const { time, store, ask } = cached(rule);
    for (let i = 0; i < 5; i++) ask();
    assertEquals(store.calls, 5);
    for (let i = 0; i < 10; i++) {
      const [{ source, blockedMs, retryAfterMs }] = ask(i);
      assertEquals([source, blockedMs > 0, retryAfterMs], [
        "deny-cache",
        true,
        i === 0 ? 300_000 : 3_600_000,
      ]);
    }
    assertEquals(store.calls, 5);
    time.now += 300_000 - 1;
    assertEquals(ask()[0].source, "deny-cache");
    time.now += 1;
    const [after] = ask();
    assertEquals([after.source, after.blockedMs], ["store", 0], "the quota refuses still, and is heard");
  });

  it("a block lasts as long as it does, beneath a quota that refuses for longer", () => {
    const [withCache, without] = [cached(rule), cached(rule)];
    const bare = (cost: number) =>
      without.store.decide([without.checkOf(cost, "a")]) as readonly ChargedDecision[];
    for (let minute = 0; minute < 120; minute++) {
      const [a] = withCache.ask(1);
      const [b] = bare(1);
      assertEquals(
        [a.allowed, a.blockedMs, a.retryAfterMs],
        [b.allowed, b.blockedMs, b.retryAfterMs],
        `${minute}`,
      );
      withCache.time.now += 60_000;
      without.time.now += 60_000;
    }
    assert(withCache.store.calls < without.store.calls);
  });

  it("a rule beside it with a block of its own makes the store be asked, until that block answers too", () => {
    const { store, ask } = cached([{ name: "burst", rate: "1/min" }, { ...rule, rate: "1/hour" }]);
    for (let i = 0; i < 4; i++) ask();
    assertEquals(store.calls, 4);
    assertEquals(ask().map(({ rule, blockedMs }) => [rule, blockedMs > 0]), [["burst", false], [
      "login",
      true,
    ]]);
    assertEquals(store.calls, 4);
  });

  it("the block of a rule in shadow mode hears of every refusal", () => {
    const { store, ask } = cached([{ name: "burst", rate: "1/min" }, { ...rule, mode: "shadow" }]);
    for (let i = 0; i < 10; i++) ask();
    assertEquals(store.calls, 10);
  });

  it("concurrency beside it does not", () => {
    const { store, ask } = cached([{ name: "burst", rate: "1/min" }, {
      name: "slots",
      rate: { limit: 5 },
      algorithm: concurrency({ lease: "1min" }),
    }]);
    for (let i = 0; i < 10; i++) ask();
    assertEquals(store.calls, 2);
  });
});

describe("the memory it takes", () => {
  it("is bounded, by dropping the oldest", () => {
    const { store, ask } = cached({ name: "r", rate: "1/min" }, { maxKeys: 100 });
    for (let key = 0; key < 1000; key++) {
      ask(1, `${key}`);
      ask(1, `${key}`);
    }
    assertEquals(store.calls, 2000);
    for (let key = 900; key < 1000; key++) assertEquals(ask(1, `${key}`)[0].source, "deny-cache");
    assertEquals(ask(1, "899")[0].source, "store");
  });

  it("is freed as refusals end, without a timer", () => {
    const rules = prepareRules([{ name: "r", rate: "1/min" }]);
    const time = { now: 0 };
    const held: WeakRef<object>[] = [];
    const cache = denyCache(
      {
        shared: true,
        clock: () => time.now,
        decide: (checks) => checks.map((check) => refusal(check, held.length < 2000 ? held : null)),
      },
      rules,
    );
    const check = (key: number): Check => ({
      key: `r:${key}`,
      policy: rules[0].policy!,
      algorithm: rules[0].implementation,
      cost: 1,
      since: null,
    });
    function refusal({ policy }: Check, notes: WeakRef<object>[] | null): ChargedDecision {
      const decision: ChargedDecision = {
        rule: policy.name,
        limit: policy.limit,
        windowMs: policy.windowMs,
        cost: 1,
        mode: "enforce",
        allowed: false,
        remaining: 0,
        resetAfterMs: 1000,
        retryAfterMs: 1000,
        blockedMs: 0,
        source: "store",
        at: time.now,
        chargedAt: time.now,
      };
      notes?.push(new WeakRef(decision));
      return decision;
    }
    for (let key = 0; key < 2000; key++) cache.decide([check(key)]);
    time.now += 1000;
    for (let key = 10_000; key < 12_500; key++) cache.decide([check(key)]);
    // A remembered refusal answers from memory; one that was freed is asked for again.
    time.now -= 500;
    let remembered = 0;
    for (let key = 0; key < 2000; key++) {
      const [{ source }] = cache.decide([check(key)]) as readonly ChargedDecision[];
      if (source === "deny-cache") remembered++;
    }
    assertEquals(remembered, 0);
  });
});

describe("this process's clocks, where the store's cannot be read", () => {
  /** Runs with clocks of its own: the wall, which steps, and the steady one, which stands still in a suspended process. */
  function withClocks(run: (clocks: { wall: number; steady: number }) => void): void {
    const clocks = { wall: 1_700_000_000_000, steady: 5000.25 };
    const real = { wall: Date.now, steady: performance.now };
    Date.now = () => clocks.wall;
    performance.now = () => clocks.steady;
    try {
      run(clocks);
    } finally {
      Date.now = real.wall;
      performance.now = real.steady;
    }
  }

  const STEPS: readonly (readonly [string, number, number, boolean])[] = [
    ["both run on, the wait not over", 59_999, 59_999, true],
    ["both run on, the wait over", 60_000, 60_000, false],
    ["the wall clock stepped back an hour, the wait not over", -3_600_000, 59_999, true],
    ["the wall clock stepped back an hour, the wait over", -3_600_000, 60_000, false],
    ["the wall clock stepped on: the store is asked", 3_600_000, 1, false],
    ["the process was suspended, the wait over", 60_000, 1, false],
  ];
  for (const [what, wallMs, steadyMs, isKnown] of STEPS) {
    it(`${what}`, () => {
      withClocks((clocks) => {
        const store = { ...counted(() => 77), clock: undefined };
        const [rule] = prepareRules([{ name: "r", rate: "1/min" }]);
        const cache = denyCache(store as WrappedStore, [rule]);
        const check = {
          key: "r:a",
          policy: rule.policy!,
          algorithm: rule.implementation,
          cost: 1,
          since: null,
        };
        const ask = () => (cache.decide([check]) as readonly ChargedDecision[])[0];
        ask();
        ask();
        clocks.wall += wallMs;
        clocks.steady += steadyMs;
        const { source, retryAfterMs } = ask();
        assertEquals(source, isKnown ? "deny-cache" : "store");
        if (isKnown) assertEquals(retryAfterMs, 1);
      });
    });
  }

  it("a refusal ends no later than the store could admit, and promises no less than the store's wait", async () => {
    const clocks = { now: 0 };
    const [rule] = prepareRules([{ name: "r", rate: "1/min" }]);
    const memory = memoryStore({ clock: () => clocks.now });
    const cache = denyCache(
      {
        shared: true,
        clock: () => clocks.now,
        async decide(checks, spend) {
          clocks.now += 30;
          const decisions = memory.decide(checks, spend) as readonly ChargedDecision[];
          await null;
          clocks.now += 10;
          return decisions;
        },
      },
      [rule],
    );
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    await cache.decide([check]); // charged at 30, so free at 60,030
    await cache.decide([check]); // asked at 40, refused at 70 for 59,960, known at 80
    clocks.now = 59_999;
    const [{ source, retryAfterMs }] = await cache.decide([check]);
    assertEquals(source, "deny-cache");
    assertLessOrEqual(60_030, 59_999 + retryAfterMs);
    assertLessOrEqual(59_999 + retryAfterMs, 60_030 + 40);
    clocks.now = 60_000;
    assertEquals((await cache.decide([check]))[0].allowed, true);
  });
});

// ---- the property ------------------------------------------------------------------------------------------------

type Move =
  | { readonly do: "ask"; readonly key: number; readonly costs: readonly number[]; readonly skip: number }
  | { readonly do: "peek"; readonly key: number; readonly cost: number }
  | { readonly do: "wait"; readonly share: number }
  | { readonly do: "back"; readonly share: number }
  | { readonly do: "reset"; readonly key: number; readonly rule: number }
  | { readonly do: "settle"; readonly cost: number };

const algorithms = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 2 }),
  slidingLog(),
  slidingWindow({ slots: 4 }),
];

const anyRule = fc.record({
  algorithm: fc.constantFrom(...algorithms),
  limit: fc.integer({ min: 1, max: 5 }),
  windowMs: fc.constantFrom(10, 50, 200),
  kind: fc.constantFrom("plain", "plain", "plain", "block", "shadow", "shadow block", "count", "concurrency"),
  after: fc.integer({ min: 1, max: 3 }),
  forMs: fc.constantFrom(5, 60, 300),
}).map(({ algorithm, limit, windowMs, kind, after, forMs }): Rule => {
  if (kind === "concurrency") return { rate: { limit }, algorithm: concurrency({ lease: `${windowMs}ms` }) };
  return {
    rate: `${limit}/${windowMs}ms`,
    algorithm,
    ...(kind.includes("block")
      ? { block: { after, window: `${windowMs * 2}ms`, for: `${forMs}ms`, growth: 2 } }
      : {}),
    ...(kind.includes("shadow") ? { mode: "shadow" as const } : {}),
    ...(kind === "count" ? { count: "failures" as const } : {}),
  };
});

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      key: fc.integer({ min: 0, max: 1 }),
      costs: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
      skip: fc.integer({ min: -2, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("peek" as const),
      key: fc.integer({ min: 0, max: 1 }),
      cost: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), share: fc.integer({ min: 0, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("back" as const), share: fc.integer({ min: 1, max: 200 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("reset" as const),
      key: fc.integer({ min: 0, max: 1 }),
      rule: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("settle" as const), cost: fc.integer({ min: 0, max: 4 }) }),
  },
);

interface Charge {
  readonly check: Check;
  readonly decision: ChargedDecision;
}

describe("with and without the deny cache the decisions are identical on the same trace", () => {
  function walk(rules: readonly Rule[], moves: readonly Move[]): number {
    const prepared = prepareRules(rules.map((rule, i) => ({ ...rule, name: `r${i}` })));
    const time = { now: 1_700_000_000_000 };
    // A refusal takes a time that is further ahead for now, where the store hears of it.
    const backMs = Math.min(
      ...prepared.map(({ windowMs }) => windowMs!),
      ...rules.flatMap(({ block }) => block === undefined ? [] : [parseInt(String(block.for))]),
    );
    let latest = time.now;
    const stores = [counted(() => time.now), counted(() => time.now)];
    const paths = [denyCache(stores[0] as WrappedStore, prepared), stores[1] as WrappedStore];
    const charges: Charge[][] = [[], []];
    let hasStepped = false;
    const checksOf = (key: number, costs: readonly number[], skip: number): Check[] =>
      prepared.map((rule, i) => ({
        key: `${rule.name}:${key}`,
        policy: rule.policy!,
        algorithm: rule.implementation,
        cost: Math.min(costs[i], rule.implementation.capacity!(rule.limit!)),
        since: null,
      })).filter((_, i) => i !== skip);
    const now = <T>(value: MaybePromise<T> | undefined): T => value as T;

    for (const move of moves) {
      if (move.do === "wait") {
        time.now += move.share;
        latest = Math.max(latest, time.now);
      } else if (move.do === "back") {
        time.now = Math.max(latest - backMs, time.now - move.share);
        hasStepped = true;
      } else if (move.do === "reset") {
        for (const path of paths) path.forget?.(`r${move.rule}:${move.key}`);
      } else if (move.do === "settle") {
        paths.forEach((path, i) => {
          const charge = charges[i].pop();
          if (charge === undefined) return;
          const { check, decision } = charge;
          path.decide([{ ...check, cost: move.cost - check.cost, since: decision.chargedAt! }]);
        });
      } else {
        const isPeek = move.do === "peek";
        const checks = isPeek
          ? checksOf(move.key, [move.cost, move.cost, move.cost, move.cost], -1)
          : checksOf(move.key, move.costs, move.skip);
        if (checks.length === 0) continue;
        const [ours, theirs] = paths.map((path) => now(path.decide(checks, !isPeek)));
        const verdict = ours.some(refuses);
        assertEquals(verdict, theirs.some(refuses));
        if (ours[0].source !== "deny-cache") assertEquals(ours, theirs);
        for (const decision of ours) {
          const plain = theirs.find(({ rule }) => rule === decision.rule)!;
          assertEquals([decision.allowed, decision.blockedMs > 0], [plain.allowed, plain.blockedMs > 0]);
          assertLessOrEqual(decision.retryAfterMs, plain.retryAfterMs);
          // Units that came back one by one since are not seen here; nor do they leave again when the clock steps back.
          if (!hasStepped) assertLessOrEqual(decision.remaining, plain.remaining);
          assertEquals([decision.resetAfterMs, decision.at], [plain.resetAfterMs, plain.at]);
        }
        if (!isPeek && !verdict) {
          checks.forEach((check, i) => {
            if (check.cost === 0 || !theirs[i].allowed) return;
            // Both paths charged, so either can settle it; only some rules ever are.
            charges.forEach((list, p) => list.push({ check, decision: (p === 0 ? ours : theirs)[i] }));
          });
        }
      }
    }
    return stores[1].calls - stores[0].calls;
  }

  it("over random rules, costs, resets, settlements and steps of the clock", () => {
    let spared = 0;
    fc.assert(
      fc.property(
        fc.array(anyRule, { minLength: 1, maxLength: 3 }),
        fc.array(anyMove, { minLength: 20, maxLength: 120 }),
        (rules, moves) => {
          spared += walk(rules, moves);
        },
      ),
      { numRuns: 1500 },
    );
    assert(spared > 1000, `the store was spared ${spared} calls`);
  });
});
