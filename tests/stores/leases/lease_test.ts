import { assert, assertEquals, assertGreater, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byHeader,
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  throttleOf,
} from "../../../mod.ts";
import { type ChargedDecision, refuses } from "../../../src/decision.ts";
import { prepareRules } from "../../../src/rules/prepare_rules.ts";
import { leasesOf, type LeasesOptions } from "../../../src/stores/leases/leases.ts";
import { redisStore, type RedisStoreOptions } from "../../../src/stores/redis/mod.ts";
import { failover } from "../../../src/stores/wrappers/failover.ts";
import type { LeasingStore, WrappedStore } from "../../../src/stores/store.ts";

const START = 1_700_000_000_000;

/** A shared store that counts how often it is asked. */
function counted(now: () => number) {
  const memory = memoryStore({ clock: now }) as WrappedStore;
  const store = {
    shared: true,
    clock: now,
    calls: 0,
    asked: [] as (readonly Check[])[],
    decide(checks: readonly Check[], spend?: boolean) {
      store.calls++;
      store.asked.push(checks);
      return memory.decide(checks, spend) as ReturnType<WrappedStore["decide"]>;
    },
    forget: (key: string) => memory.forget?.(key),
  };
  return store;
}

/** Rules on a store from which an instance takes units ahead, and ways to ask it. */
function leased(rules: Rule | readonly Rule[], most = 20, options?: LeasesOptions) {
  const time = { now: START };
  const store = counted(() => time.now);
  const prepared = prepareRules(rules);
  const leases = leasesOf(most, options);
  const over = leases.over(store, prepared);
  const checksOf = (cost = 1, key = "a"): Check[] =>
    prepared.map(({ name, policy, implementation }) => ({
      key: `${name}:${key}`,
      policy: policy!,
      algorithm: implementation,
      cost,
      since: null,
    }));
  const ask = (cost = 1, key = "a") => over.decide(checksOf(cost, key)) as readonly ChargedDecision[];
  const peek = (cost = 1, key = "a") => over.decide(checksOf(cost, key), false) as readonly ChargedDecision[];
  /** Asks this often, so many ms apart. */
  function asks(times: number, everyMs: number): readonly ChargedDecision[] {
    return Array.from({ length: times }, () => {
      time.now += everyMs;
      return ask()[0];
    });
  }
  return { time, store, leases, over, checksOf, ask, asks, peek };
}

const minute = (limit: number, algorithm: Algorithm = fixedWindow()): Rule => ({
  name: "r",
  rate: `${limit}/min`,
  algorithm,
});

describe("a busy key", () => {
  it("is asked about at most once for 15 requests with lease: 20", () => {
    const { store, asks } = leased(minute(100_000));
    asks(1500, 10);
    assertLessOrEqual(store.calls, 100);
  });

  it("is answered here, with the numbers that the store would tell", () => {
    const { time, ask } = leased(minute(1000));
    ask();
    time.now += 10;
    assertEquals(ask()[0].source, "store");
    time.now += 10;
    const [decision] = ask();
    assertEquals(decision, {
      rule: "r",
      limit: 1000,
      windowMs: 60_000,
      cost: 1,
      mode: "enforce",
      allowed: true,
      remaining: 997,
      resetAfterMs: 59_980,
      retryAfterMs: 0,
      blockedMs: 0,
      source: "lease",
      at: START + 20,
      chargedAt: START,
    });
  });

  it("is one that comes again soon, and takes no more than it uses in 2 s at its pace", () => {
    for (const [everyMs, saved] of [[3000, 0], [2000, 1], [1000, 2], [500, 4], [100, 19]]) {
      const { store, asks } = leased(minute(100_000));
      asks(2, everyMs);
      assertEquals(store.asked[1][0].cost, 1 + saved, `every ${everyMs} ms`);
    }
  });

  it("takes a quarter of what is left at most, and nothing at the limit", () => {
    const { store, asks } = leased(minute(100), 1000);
    let left = 100;
    for (const { remaining, source } of asks(100, 1)) {
      if (source === "store") assertLessOrEqual(store.asked.at(-1)![0].cost - 1, left / 4);
      left = remaining;
    }
    assertEquals(store.asked.at(-1)![0].cost, 1);
  });

  it("passes exactly the limit, and the refusal is the store's", () => {
    for (const limit of [1, 2, 3, 10, 100, 1000]) {
      const { asks } = leased(minute(limit));
      const decisions = asks(limit + 2, 1);
      assertEquals(decisions.map(({ remaining }) => remaining), [
        ...Array.from({ length: limit }, (_, i) => limit - 1 - i),
        0,
        0,
      ]);
      assertEquals(decisions.slice(-2).map(({ allowed, source }) => [allowed, source]), [
        [false, "store"],
        [false, "store"],
      ]);
    }
  });

  it("is refused only after what is in hand was given back and did not do", () => {
    const { ask, asks, store } = leased(minute(40));
    asks(2, 1);
    const before = store.calls;
    assertEquals(ask(35)[0].allowed, true, "2 are used, 9 are in hand, 29 are left at the store");
    assertEquals(store.calls, before + 3);
    assertEquals([ask(4)[0].allowed, ask(3)[0].allowed], [false, true]);
  });

  it("is charged nothing ahead by a question for nothing", () => {
    const { ask, store } = leased(minute(1000));
    ask();
    ask(0);
    assertEquals(store.asked[1][0].cost, 0);
  });
});

describe("a lease ends", () => {
  it("with its fixed window, a ms before the store's clock", () => {
    const { time, asks, ask } = leased(minute(1000));
    asks(2, 0);
    time.now = START + 59_900;
    assertEquals(ask()[0].source, "lease");
    time.now = START + 59_999;
    assertEquals(ask()[0].source, "store");
    time.now = START + 60_000;
    const [{ source, remaining }] = ask();
    assertEquals([source, remaining], ["store", 999], "what was in hand has no part in the new window");
  });

  it("with the slot of its sliding window, and what is left of it is given back", () => {
    const { time, asks, ask } = leased({ name: "r", rate: "1000/16s", algorithm: slidingWindow() });
    time.now = START + 100;
    asks(3, 1);
    const slotEnd = START + 999;
    time.now = slotEnd - 2;
    assertEquals([ask()[0].source, ask()[0].remaining], ["lease", 995]);
    time.now = slotEnd + 1;
    const [{ source, remaining }] = ask();
    assertEquals([source, remaining], ["store", 994], "six were used: nothing is lost");
  });

  it("when it is idle: it is given back on the way of another key's question", () => {
    const { time, asks, ask, peek, store } = leased(minute(1000));
    asks(2, 1);
    time.now += 5000;
    const before = store.calls;
    ask(1, "b");
    assertEquals(store.calls, before + 2, "a question and a correction");
    assertEquals(store.asked.at(-2)![0].cost, -19);
    assertEquals(peek()[0].remaining, 998);
  });

  it("when its key is reset here", () => {
    const { over, asks, peek, ask } = leased(minute(1000));
    asks(5, 1);
    over.forget?.("r:a");
    assertEquals([peek()[0].remaining, ask()[0].source, ask()[0].remaining], [1000, "store", 998]);
  });

  it("when the process does: all of it is given back, and no more is taken", async () => {
    const { asks, ask, peek, store, leases } = leased(minute(1000), 20);
    for (const key of ["a", "b", "c"]) for (let i = 0; i < 4; i++) ask(1, key);
    asks(1, 1);
    await leases.close(store);
    for (const [key, used] of [["a", 5], ["b", 4], ["c", 4]] as const) {
      assertEquals(peek(1, key)[0].remaining, 1000 - used);
    }
    assert(asks(10, 1).every(({ source }) => source === "store"));
  });
});

describe("nothing is taken ahead", () => {
  const rules: Readonly<Record<string, Rule | readonly Rule[]>> = {
    "under gcra()": minute(1000, gcra()),
    "under slidingLog()": minute(1000, slidingLog()),
    "under concurrency()": { name: "r", rate: { limit: 1000 }, algorithm: concurrency({ lease: "1min" }) },
    "under a block": { ...minute(1000), block: { after: 3, window: "1min", for: "1h" } },
    "in shadow mode": { ...minute(1000), mode: "shadow" },
    "where failures alone count": { ...minute(1000), count: "failures" },
    "where another rule of the request allows none": [
      minute(1000),
      { name: "s", rate: "1000/min", algorithm: gcra() },
    ],
  };
  for (const [where, rule] of Object.entries(rules)) {
    it(where, () => {
      const { store, asks } = leased(rule);
      const decisions = asks(20, 1);
      assertEquals(store.calls, 20);
      assert(decisions.every(({ source }) => source === "store"));
      assert(store.asked.every((checks) => checks.every(({ cost }) => cost === 1)));
    });
  }

  it("with a rate from a function", () => {
    const time = { now: START };
    const store = counted(() => time.now);
    const leases = leasesOf(20);
    const throttle = createThrottle(
      { name: "r", rate: () => "1000/min", key: byHeader("x") },
      { store: Object.assign(store, { leases: leases.over }) },
    );
    const request = new Request("https://example.com/", { headers: { "x": "a" } });
    for (let i = 0; i < 10; i++) throttle.check(request);
    assertEquals(store.calls, 10);
  });

  it("any more once a rule has corrected a charge", async () => {
    const store = counted(() => START);
    const leases = leasesOf(20);
    const throttle = createThrottle({ name: "r", rate: "1000/min", key: byHeader("x") }, {
      store: Object.assign(store, { leases: leases.over }),
    });
    const request = () => new Request("https://example.com/", { headers: { "x": "a" } });
    const sources = async (requests: number) => {
      const found = [];
      for (let i = 0; i < requests; i++) found.push((await throttle.check(request())).decisions[0].source);
      return found;
    };
    assertEquals(await sources(4), ["store", "store", "lease", "lease"]);
    const handler = throttle.wrap(async (request) => {
      await throttleOf(request)?.settle("r", 10);
      return new Response("in");
    });
    const response = await handler(request());
    assertEquals(response.headers.get("x-ratelimit-remaining"), "986");
    assertEquals(await sources(4), ["store", "store", "store", "store"]);
    assertEquals((await throttle.usage("r", "a")).remaining, 982);
  });

  it("for another quota of the same key", () => {
    const { asks, store, over, time } = leased(minute(1000));
    asks(4, 1);
    const other = leasesOf(20).over(store, prepareRules(minute(500)));
    const [rule] = prepareRules(minute(500));
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    time.now++;
    assertEquals((over.decide([check]) as ChargedDecision[])[0].source, "store");
    assertEquals((other.decide([check]) as ChargedDecision[])[0].source, "store");
  });
});

describe("several rules", () => {
  const rules: Rule[] = [minute(1000), {
    name: "day",
    rate: "5000/day",
    algorithm: fixedWindow({ aligned: true }),
  }];

  it("are answered here together or not at all", () => {
    const { time, ask, store } = leased(rules);
    for (let i = 0; i < 200; i++) {
      time.now += 10;
      const sources = new Set(ask().map(({ source }) => source));
      assertEquals(sources.size, 1);
    }
    assertLessOrEqual(store.calls, 15);
  });

  it("are charged nothing when one of them refuses", () => {
    const { time, ask, peek } = leased([minute(1000), { name: "few", rate: "30/min" }]);
    let passed = 0;
    for (let i = 0; i < 60; i++) {
      time.now += 10;
      if (!ask().some(refuses)) passed++;
    }
    assertEquals([passed, ...peek().map(({ remaining }) => remaining)], [30, 970, 0]);
  });
});

// ---- many at once --------------------------------------------------------------------------------

/** A store whose answers come when they are let go. */
function slow(time: { now: number }) {
  const memory = counted(() => time.now);
  const waiting: (() => void)[] = [];
  const store = {
    ...memory,
    calls: 0,
    fault: false,
    decide(checks: readonly Check[], spend?: boolean) {
      store.calls++;
      return new Promise<Awaited<ReturnType<WrappedStore["decide"]>>>((resolve, reject) =>
        waiting.push(() =>
          store.fault ? reject(new Error("it fell over")) : resolve(memory.decide(checks, spend))
        )
      );
    },
    async answer() {
      for (let round = 0; round < 10; round++) {
        for (const go of waiting.splice(0)) go();
        await new Promise((resume) => setTimeout(resume));
      }
    },
  };
  return store;
}

describe("many requests at once", () => {
  async function burst(count: number, limit: number, fault = false) {
    const time = { now: START };
    const store = slow(time);
    const [rule] = prepareRules(minute(limit));
    const over = leasesOf(20).over(store as unknown as WrappedStore, [rule]);
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const first = over.decide([check]);
    await store.answer();
    await first;
    time.now += 5;
    const answers = Array.from({ length: count }, () => Promise.resolve(over.decide([check])));
    const calls = store.calls - 1;
    store.fault = fault;
    const settled = Promise.allSettled(answers);
    await store.answer();
    const decisions = (await settled).flatMap((one) => one.status === "fulfilled" ? [one.value[0]] : []);
    return { store, calls, decisions };
  }

  it("share what one question brings", async () => {
    const { calls, decisions, store } = await burst(1000, 100_000);
    assertEquals([calls, store.calls - 1], [50, 50], "and nobody waits twice");
    const remaining = decisions.map(({ remaining }) => remaining).sort((a, b) => b - a);
    assertEquals(new Set(remaining).size >= 950, true);
    assertEquals(remaining.at(-1), 100_000 - 1001);
  });

  it("admit no more than the limit, and less than a lease below it", async () => {
    for (const limit of [2, 30, 100, 999]) {
      const { decisions } = await burst(1000, limit);
      assertEquals(decisions.length, 1000);
      const admitted = 1 + decisions.filter(({ allowed }) => allowed).length;
      assertLessOrEqual(admitted, limit);
      assertGreater(admitted, limit - 20);
    }
  });

  it("ask for themselves when what they waited for fails", async () => {
    const { decisions, store } = await burst(40, 100_000, true);
    assertEquals(decisions.length, 0);
    assert(store.calls > 40, "nobody waits for ever");
  });
});

// ---- one instance changes nothing ------------------------------------------------------------------

describe("an instance alone", () => {
  type Act =
    | { readonly kind: "ask" | "peek"; readonly cost: number; readonly which: number; readonly wait: number }
    | { readonly kind: "forget"; readonly which: number; readonly wait: number };
  const waits = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 0, max: 70_000 }),
  );
  const which = fc.constantFrom(0, 0, 0, 1, 2);
  const act: fc.Arbitrary<Act> = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constantFrom("ask" as const, "ask" as const, "ask" as const, "peek" as const),
        cost: fc.constantFrom(0, 1, 1, 1, 1, 2, 5, 30),
        which,
        wait: waits,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), which, wait: waits }) },
  );
  const algorithms: readonly [string, () => Algorithm][] = [
    ["fixedWindow()", () => fixedWindow()],
    ["fixedWindow({ aligned: true })", () => fixedWindow({ aligned: true })],
    ["slidingWindow()", () => slidingWindow()],
  ];

  for (const [name, make] of algorithms) {
    it(`decides as without leases, whatever is asked: ${name}`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 3 }),
          fc.integer({ min: 2, max: 50 }),
          fc.array(act, { maxLength: 200, size: "max" }),
          (limits, most, acts) => {
            const rules = limits.map((limit, i): Rule => ({
              name: `r${i}`,
              rate: `${limit}/${i + 1}min`,
              algorithm: make(),
            }));
            const { time, ask, peek, over, checksOf } = leased(rules, most);
            const plain = memoryStore({ clock: () => time.now });
            for (const step of acts) {
              time.now += step.wait;
              if (step.kind === "forget") {
                for (const { name } of rules) {
                  over.forget?.(`${name}:${step.which}`);
                  plain.forget?.(`${name}:${step.which}`);
                }
                continue;
              }
              const key = String(step.which);
              const expected = plain.decide(
                checksOf(step.cost, key),
                step.kind === "ask",
              ) as ChargedDecision[];
              const found = step.kind === "ask" ? ask(step.cost, key) : peek(step.cost, key);
              assertEquals(
                found.map((decision) => ({ ...decision, source: "store" })),
                expected,
              );
            }
          },
        ),
        { numRuns: 200 },
      );
    });
  }
});

// ---- outages, memory, options --------------------------------------------------------------------

describe("while the store is away", () => {
  function failing() {
    const time = { now: START };
    const store = Object.assign(counted(() => time.now), { fault: false });
    const decide = store.decide;
    store.decide = (checks, spend) => {
      if (store.fault) throw new Error("away");
      return decide(checks, spend);
    };
    const rules = prepareRules(minute(100));
    const guarded = failover(store, { rules, onStoreFailure: "local" });
    const over = leasesOf(20).over(guarded, rules);
    const check = {
      key: "r:a",
      policy: rules[0].policy!,
      algorithm: rules[0].implementation,
      cost: 1,
      since: null,
    };
    const ask = () => {
      time.now += 1;
      return (over.decide([check]) as ChargedDecision[])[0];
    };
    return { time, store, ask };
  }

  it("units in hand are used, and then no more passes than the limit", () => {
    const { store, ask } = failing();
    for (let i = 0; i < 3; i++) ask();
    store.fault = true;
    const sources = Array.from({ length: 200 }, ask).filter(({ allowed }) => allowed).map(({ source }) =>
      source
    );
    assertEquals(sources.length, 97);
    assertEquals([sources.indexOf("local"), sources.lastIndexOf("lease")], [18, 17]);
  });

  it("nothing more is taken ahead, of local counts neither", () => {
    const { store, ask } = failing();
    for (let i = 0; i < 3; i++) ask();
    store.fault = true;
    const remaining = Array.from({ length: 40 }, ask).map(({ remaining }) => remaining);
    assertEquals(
      remaining,
      Array.from({ length: 40 }, (_, i) => 96 - i),
    );
  });
});

it("a flood of keys is not remembered for ever", () => {
  const { time, ask, store } = leased(minute(1000), 20, { maxKeys: 100 });
  for (let i = 0; i < 5000; i++) {
    time.now += 1;
    ask(1, `key ${i}`);
    if (i % 10 === 0) ask(1, "hot");
  }
  assertLessOrEqual(store.calls, 5000 + 2 * 500);
});

describe("the option lease", () => {
  const client = { send: () => Promise.reject(new Error("nowhere")) };

  for (const lease of [0, 1, 1.5, 1001, -20, "20", NaN, null]) {
    it(`refuses ${JSON.stringify(lease)}`, () => {
      assertThrows(
        () => redisStore({ client, lease } as RedisStoreOptions),
        RangeError,
        `Cannot make redisStore() as lease must be an integer from 2 to 1000: current value is ${
          typeof lease === "string" ? `"20"` : lease
        }`,
      );
    });
  }

  it("is off unless given", () => {
    const leasesIn = (store: Store) => (store as LeasingStore).leases;
    assertEquals(leasesIn(redisStore({ client })), null);
    assertEquals(typeof leasesIn(redisStore({ client, lease: 2 })), "function");
  });
});
