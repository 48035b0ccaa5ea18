import { describe, it } from "node:test";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import process from "node:process";
import {
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  rateLimit,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreChange,
  type StoreDecision,
  type ThrottleEvent,
  withThrottle,
} from "../../../mod.ts";
import { prepareRules } from "../../../src/rules/prepare_rules.ts";
import { failover } from "../../../src/stores/wrappers/failover.ts";

type Fault = () => unknown;

const never = new Promise<never>(() => {});

/** The faults of a store in place of an answer. */
const FAULTS: Readonly<Record<string, Fault>> = {
  "hangs": () => never,
  "rejects": () => Promise.reject(new Error("the secret is 12345")),
  "rejects with undefined": () => Promise.reject(undefined),
  "throws": () => {
    throw new Error("the secret is 12345");
  },
  "answers null": () => Promise.resolve(null),
  "answers undefined at once": () => undefined,
  "answers HTML": () => Promise.resolve("<html>502</html>"),
  "answers an object": () => Promise.resolve({ length: 1, 0: { allowed: true } }),
  "answers nothing": () => Promise.resolve([]),
  "answers too much": () => Promise.resolve([ok("r"), ok("r")]),
  "answers null decisions": () => Promise.resolve([null]),
  "answers for another rule": () => Promise.resolve([ok("other")]),
  "answers NaN": () => Promise.resolve([{ ...ok("r"), remaining: NaN }]),
  "answers a negative wait": () => Promise.resolve([{ ...ok("r"), retryAfterMs: -1 }]),
  "answers no verdict": () => Promise.resolve([{ ...ok("r"), allowed: 1 }]),
  "answers a time that is none": () => Promise.resolve([{ ...ok("r"), at: NaN }]),
};

function ok(policy: string): StoreDecision {
  return {
    rule: policy,
    limit: 3,
    windowMs: 60_000,
    cost: 1,
    mode: "enforce",
    allowed: true,
    remaining: 2,
    resetAfterMs: 60_000,
    retryAfterMs: 0,
    blockedMs: 0,
    source: "store",
    at: 0,
    chargedAt: 0,
  };
}

/** A shared store, asynchronous as those are, whose answers can be replaced. */
function shared(now: () => number, deadlineMs = 20) {
  const memory = memoryStore({ clock: now });
  const calls: (readonly Check[])[] = [];
  const store = {
    shared: true,
    denyCache: false,
    deadlineMs,
    clock: now,
    fault: null as Fault | null,
    calls,
    decide(checks: readonly Check[], spend?: boolean): Promise<readonly StoreDecision[]> {
      calls.push(checks);
      if (store.fault !== null) return store.fault() as Promise<readonly StoreDecision[]>;
      return Promise.resolve(memory.decide(checks, spend));
    },
    forget(key: string): Promise<void> {
      if (store.fault !== null) return store.fault() as Promise<void>;
      return Promise.resolve(memory.forget?.(key));
    },
  } satisfies Store & Record<string, unknown>;
  return store;
}

const request = (): Request => new Request("https://example.com/");
const client = { address: () => "192.0.2.1" };

/** Counts what no test may leave behind. */
const unhandled: unknown[] = [];
process.on("unhandledRejection", (error) => unhandled.push(error));

const settled = (ms = 0) => new Promise((done) => setTimeout(done, ms));

async function quiet(): Promise<void> {
  await settled(5);
  assertEquals(unhandled, []);
}

describe("the failure policies", () => {
  for (const [what, fault] of Object.entries(FAULTS)) {
    it(`a store that ${what} has failed: every policy takes its own path`, async () => {
      const expected: Record<string, unknown[]> = {
        local: [true, "local", null],
        allow: [true, "allowed-by-policy", null],
        deny: [false, "denied-by-policy", 503],
      };
      for (const policy of ["local", "allow", "deny"] as const) {
        const store = shared(() => 0);
        store.fault = fault;
        const events: ThrottleEvent[] = [];
        const throttle = createThrottle({ name: "r", rate: "3/min", onStoreFailure: policy }, {
          client,
          store,
          observers: [(event) => events.push(event)],
        });
        const { allowed, decisions, response } = await throttle.check(request());
        const text = await response?.text() ?? "";
        assertEquals([allowed, decisions[0].source, response?.status ?? null], expected[policy]);
        assertEquals(text.includes("12345"), false, "no error text reaches a client");
        if (response !== null) assertMatch(text, /temporary-reduced-capacity/);
        assertEquals(
          events.filter(({ type }) => type === "store").map(({ state }) => state),
          ["failing"],
        );
      }
      await quiet();
    });
  }

  it("a refusal is an answer, not a failure", async () => {
    const store = shared(() => 0);
    const changes: StoreChange[] = [];
    const [rule] = prepareRules([{ name: "r", rate: "1/min" }]);
    const guarded = failover(store, { rules: [rule], onStoreFailure: "allow", failures: 1 });
    guarded.observe?.((change) => changes.push(change));
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const verdicts = [];
    for (let i = 0; i < 20; i++) verdicts.push((await guarded.decide([check]))[0]);
    assertEquals(verdicts.map(({ allowed }) => allowed), [true, ...Array(19).fill(false)]);
    assert(verdicts.every(({ source }) => source === "store"));
    assertEquals(changes, []);
  });

  it("an outage is never called a quota, and a quota never an outage", async () => {
    const store = shared(() => 0);
    const handler = withThrottle(() => new Response("in"), { name: "r", rate: "1/min" }, {
      client,
      store,
      onStoreFailure: "deny",
    });
    await handler(request());
    const quota = await handler(request());
    assertEquals([quota.status, (await quota.json()).type.split("#")[1]], [429, "quota-exceeded"]);
    store.fault = FAULTS.rejects;
    const outage = await handler(request());
    assertEquals([outage.status, (await outage.json()).type.split("#")[1]], [
      503,
      "temporary-reduced-capacity",
    ]);
    assertEquals(outage.headers.get("retry-after"), "1");
  });

  it("no numbers are sent when the verdict is a policy's; those of this instance's counts are", async () => {
    for (const policy of ["local", "allow", "deny"] as const) {
      const store = shared(() => 0);
      store.fault = FAULTS.rejects;
      const handler = withThrottle(() => new Response("in"), { name: "r", rate: "3/min" }, {
        client,
        store,
        onStoreFailure: policy,
        headers: [rateLimit()],
      });
      const { headers } = await handler(request());
      assertEquals(headers.has("ratelimit"), policy === "local", policy);
      assertEquals(headers.has("ratelimit-policy"), policy === "local", policy);
    }
  });

  it("answers within the deadline, and ignores what comes after it", async () => {
    const store = shared(() => 0, 30);
    let answer: (decisions: readonly StoreDecision[]) => void = () => {};
    store.fault = () => new Promise((resolve) => answer = resolve);
    const [rule] = prepareRules([{ name: "r", rate: "3/min" }]);
    const guarded = failover(store, { rules: [rule], onStoreFailure: "local" });
    const changes: string[] = [];
    guarded.observe?.(({ state, error }) =>
      changes.push(`${state} ${(error as Error | undefined)?.message}`)
    );
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const start = performance.now();
    const [decision] = await guarded.decide([check]);
    assertLess(performance.now() - start, 10_000); // the store itself never answers
    assertEquals([decision.source, decision.remaining], ["local", 2]);
    answer([{ ...ok("r"), remaining: 0 }]);
    await settled();
    assertEquals(changes, ["failing The store did not answer within 30 ms"]);
  });

  it("a promise that rejects after its deadline is nobody's unhandled rejection", async () => {
    const store = shared(() => 0, 5);
    store.fault = () => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 30));
    const throttle = createThrottle("3/min", { client, store });
    assertEquals((await throttle.check(request())).allowed, true);
    await settled(50);
    await quiet();
  });

  it("nor is a thenable's, which is asked once, whatever the question was", async () => {
    const store = shared(() => 0, 5);
    let asked = 0;
    store.fault = () => ({
      then(_: unknown, reject: (error: Error) => void) {
        asked++;
        setTimeout(() => reject(new Error("late")), 30);
      },
    });
    const throttle = createThrottle({ name: "r", rate: "3/min" }, { client, store });
    await throttle.check(request());
    await throttle.peek(request());
    await assertRejects(async () => await throttle.reset("r", request()), Error, "Cannot reset");
    await settled(50);
    await quiet();
    assertEquals(asked, 3);
  });

  it("a process that was busy past the deadline takes the answer that is already here", async () => {
    const store = shared(() => 0, 20);
    store.fault = () => settled(1).then(() => [ok("r")]);
    const [rule] = prepareRules([{ name: "r", rate: "3/min" }]);
    const guarded = failover(store, { rules: [rule], onStoreFailure: "local" });
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const answer = guarded.decide([check]);
    const until = performance.now() + 60;
    while (performance.now() < until) { /* busy */ }
    assertEquals((await answer)[0].source, "store");
  });

  it("a synchronous answer stays so, and no timer is made for it", () => {
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (() => {
      throw new Error("a timer");
    }) as unknown as typeof setTimeout;
    try {
      const [rule] = prepareRules([{ name: "r", rate: "3/min" }]);
      const guarded = failover(memoryStore(), { rules: [rule], onStoreFailure: "local" });
      const check = {
        key: "r:a",
        policy: rule.policy!,
        algorithm: rule.implementation,
        cost: 1,
        since: null,
      };
      assert(Array.isArray(guarded.decide([check])));
    } finally {
      globalThis.setTimeout = real;
    }
  });

  it("an error in an algorithm of one's own is that error, not an outage without end", async () => {
    const broken = {
      step(): never {
        throw new Error("not implemented");
      },
    };
    const throttle = createThrottle({ rate: "3/min", algorithm: broken }, { client });
    await assertRejects(async () => await throttle.check(request()), Error, "not implemented");
  });
});

describe("the circuit breaker", () => {
  function broken(probeAfterMs = 1000) {
    const time = { now: 1_000_000 };
    const store = shared(() => time.now);
    const [rule] = prepareRules([{ name: "r", rate: "1000/min" }]);
    const guarded = failover(store, { rules: [rule], onStoreFailure: "local", failures: 3, probeAfterMs });
    const changes: string[] = [];
    guarded.observe?.(({ state }) => changes.push(state));
    const check = { key: "r:a", policy: rule.policy!, algorithm: rule.implementation, cost: 1, since: null };
    const ask = async () => (await guarded.decide([check]))[0].source;
    return { time, store, ask, changes };
  }

  it("opens after as many failures in a row, and asks no more", async () => {
    const { store, ask } = broken();
    store.fault = FAULTS.rejects;
    for (let i = 0; i < 50; i++) assertEquals(await ask(), "local");
    assertEquals(store.calls.length, 3);
  });

  it("lets no more calls wait than would open it, once one was late and nothing was heard since it was asked", async () => {
    const { store, ask } = broken();
    store.fault = FAULTS.hangs;
    const first = ask();
    await settled(10);
    const others = [ask(), ask()];
    assertEquals(await first, "local");
    assertEquals(await Promise.all([ask(), ask(), ...others]), Array(4).fill("local"));
    assertEquals(store.calls.length, 3);
  });

  it("asks on after a late answer where others arrived meanwhile", async () => {
    const { store, ask } = broken();
    store.fault = FAULTS.hangs;
    const late = ask();
    store.fault = null;
    await settled(5);
    assertEquals(await ask(), "store");
    await late;
    const many = await Promise.all(Array.from({ length: 20 }, ask));
    assertEquals(many, Array(20).fill("store"));
  });

  /** Asks as often as the text is long: x fails. Tells the places of those that reached the store. */
  async function asked(how: string, { store, ask }: ReturnType<typeof broken>): Promise<number[]> {
    const reached: number[] = [];
    for (let i = 0; i < how.length; i++) {
      const before = store.calls.length;
      store.fault = how[i] === "x" ? FAULTS.rejects : null;
      await ask();
      if (store.calls.length > before) reached.push(i);
    }
    return reached;
  }

  it("opens after as many failures among twice as many calls: what fails half of the time is not waited for", async () => {
    assertEquals(await asked("x.x.x....", broken()), [0, 1, 2, 3, 4]);
    assertEquals(await asked("...xx.x....", broken()), [0, 1, 2, 3, 4, 5, 6]);
  });

  it("does not open for fewer failures than that, however long they go on", async () => {
    const how = "x...".repeat(12);
    assertEquals((await asked(how, broken())).length, how.length);
  });

  it("takes outages that follow on one another for one, which ends when as many calls in a row go well as are looked back on", async () => {
    const one = broken();
    await asked("x...".repeat(12), one);
    assertEquals(one.changes, [..."fhfhfhf"].map((letter) => letter === "f" ? "failing" : "healed"));
    await asked("..", one);
    assertEquals(one.changes.length, 7);
    await asked(".", one);
    assertEquals(one.changes.slice(7), ["healed"]);
  });

  it("lets exactly one call try again after its wait, while all others are answered without the store", async () => {
    const { time, store, ask } = broken();
    store.fault = FAULTS.rejects;
    for (let i = 0; i < 3; i++) await ask();
    time.now += 999;
    await ask();
    assertEquals(store.calls.length, 3);
    time.now += 1;
    let answer: (decisions: readonly StoreDecision[]) => void = () => {};
    store.fault = () => new Promise((resolve) => answer = resolve);
    const probe = ask();
    assertEquals(await Promise.all([ask(), ask(), ask()]), ["local", "local", "local"]);
    assertEquals(store.calls.length, 4);
    answer([ok("r")]);
    assertEquals(await probe, "store");
    store.fault = null;
    assertEquals(await ask(), "store");
  });

  it("a probe that fails opens it for another wait", async () => {
    const { time, store, ask, changes } = broken();
    store.fault = FAULTS.rejects;
    for (let i = 0; i < 3; i++) await ask();
    for (let second = 0; second < 5; second++) {
      time.now += 1000;
      for (let i = 0; i < 5; i++) await ask();
    }
    assertEquals(store.calls.length, 3 + 5);
    assertEquals(changes, ["failing"]);
  });

  it("a probe that hangs ends at its deadline", async () => {
    const { time, store, ask } = broken();
    store.fault = FAULTS.hangs;
    await Promise.all([ask(), ask(), ask()]);
    time.now += 1000;
    assertEquals(await ask(), "local");
    time.now += 1000;
    store.fault = null;
    assertEquals(await ask(), "store");
  });

  it("one event at each change of state, however many requests were under way", async () => {
    const { time, store, ask, changes } = broken();
    for (let outage = 0; outage < 3; outage++) {
      store.fault = FAULTS.hangs;
      await Promise.all(Array.from({ length: 50 }, ask));
      await Promise.all(Array.from({ length: 50 }, ask));
      store.fault = null;
      time.now += 1000;
      await Promise.all(Array.from({ length: 50 }, ask));
      assertEquals(await ask(), "store");
    }
    assertEquals(changes, ["failing", "healed", "failing", "healed", "failing", "healed"]);
  });

  it("answers to calls begun before the failure do not end the outage", async () => {
    const { store, ask, changes } = broken();
    let answer: (decisions: readonly StoreDecision[]) => void = () => {};
    store.fault = () => new Promise((resolve) => answer = resolve);
    const early = ask();
    store.fault = FAULTS.rejects;
    await ask();
    answer([ok("r")]);
    assertEquals(await early, "store");
    assertEquals(changes, ["failing"]);
    store.fault = null;
    await ask();
    assertEquals(changes, ["failing", "healed"]);
  });

  it("a clock that steps back does not keep it open for as long as the step", async () => {
    const { time, store, ask } = broken();
    store.fault = FAULTS.rejects;
    for (let i = 0; i < 3; i++) await ask();
    store.fault = null;
    time.now -= 3_600_000;
    assertEquals(await ask(), "store");
  });
});

describe("local: this instance's own counts", () => {
  const ALGORITHMS = {
    fixedWindow: fixedWindow(),
    aligned: fixedWindow({ aligned: true }),
    gcra: gcra(),
    slidingLog: slidingLog(),
    slidingWindow: slidingWindow(),
  };

  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    it(`an outage hands out no new quota: ${name}`, async () => {
      const time = { now: 1_700_000_000_000 };
      const store = shared(() => time.now);
      const throttle = createThrottle({ name: "r", rate: "10/min", algorithm }, { client, store });
      for (let i = 0; i < 7; i++) assert((await throttle.check(request())).allowed);
      store.fault = FAULTS.rejects;
      const during = [];
      for (let i = 0; i < 6; i++) during.push(await throttle.check(request()));
      assertEquals(during.map(({ allowed }) => allowed), [true, true, true, false, false, false]);
      assertEquals(during.map(({ decisions }) => decisions[0].remaining), [2, 1, 0, 0, 0, 0]);
      const wait = during[3].decisions[0].retryAfterMs;
      time.now += wait - 1;
      assertEquals((await throttle.check(request())).allowed, false);
      time.now += 1;
      assertEquals((await throttle.check(request())).allowed, true);
    });

    it(`goes by the store's clock, hours from this process's: ${name}`, async () => {
      const time = { now: Date.now() + 5 * 3_600_000 };
      const store = { ...shared(() => time.now), clock: undefined };
      const rules = prepareRules([{ name: "r", rate: "10/min", algorithm }]);
      const [rule] = rules;
      const guarded = failover(store, { rules, onStoreFailure: "local" });
      const check = {
        key: "r:a",
        policy: rule.policy!,
        algorithm: rule.implementation,
        cost: 1,
        since: null,
      };
      for (let i = 0; i < 7; i++) await guarded.decide([check]);
      store.decide = () => Promise.reject(new Error("down"));
      const during = [];
      for (let i = 0; i < 6; i++) during.push((await guarded.decide([check]))[0].allowed);
      assertEquals(during, [true, true, true, false, false, false]);
    });
  }

  it("refusals by the store, and peeks, are not counted here", async () => {
    const store = shared(() => 0);
    const throttle = createThrottle([
      { name: "wide", rate: "10/min" },
      { name: "narrow", rate: "2/min" },
    ], { client, store });
    for (let i = 0; i < 6; i++) await throttle.check(request());
    for (let i = 0; i < 6; i++) await throttle.peek(request());
    store.fault = FAULTS.rejects;
    const [wide] = await throttle.peek(request());
    assertEquals([wide.source, wide.remaining], ["local", 8]);
  });

  it("refunds of what the store charged are counted here too", async () => {
    const store = shared(() => 0);
    const handler = withThrottle(
      (request) => new Response("", { status: request.headers.has("bad") ? 400 : 200 }),
      { name: "r", rate: "3/min", count: "failures" },
      { client, store },
    );
    for (let i = 0; i < 10; i++) await handler(request());
    await handler(new Request("https://example.com/", { headers: { bad: "1" } }));
    store.fault = FAULTS.rejects;
    assertEquals((await handler(request())).headers.get("x-ratelimit-remaining"), "2");
    assertEquals((await handler(request())).headers.get("x-ratelimit-remaining"), "2");
  });

  it("a charge made here is corrected here, though the store is back", async () => {
    const time = { now: 0 };
    const store = shared(() => time.now);
    const throttle = createThrottle({ name: "r", rate: "10/hour" }, { client, store });
    store.fault = FAULTS.rejects;
    const outcome = await throttle.check(request());
    store.fault = null;
    time.now += 5000;
    for (let i = 0; i < 4; i++) await throttle.check(request());
    const before = store.calls.length;
    await outcome.settle("r", 0);
    assertEquals(store.calls.length, before, "the store never had this charge");
    assertEquals((await throttle.usage("r", "192.0.2.1")).remaining, 6);
  });

  it("a charge made by the store is not corrected while it is away, and nothing fails", async () => {
    for (const policy of ["local", "allow", "deny"] as const) {
      const store = shared(() => 0);
      const events: string[] = [];
      const throttle = createThrottle({ name: "r", rate: "10/hour", cost: 4, onStoreFailure: policy }, {
        client,
        store,
        observers: [({ type }) => events.push(type)],
      });
      const outcome = await throttle.check(request());
      store.fault = FAULTS.rejects;
      await outcome.settle("r", 1);
      const { headers } = outcome.label(new Response("in"));
      assertEquals(headers.get("x-ratelimit-remaining"), policy === "local" ? "9" : null, policy);
      assertEquals(events, ["allowed", "store", "settled"]);
    }
    await quiet();
  });

  it("concurrency slots taken here are given back here", async () => {
    const time = { now: 0 };
    const store = shared(() => time.now);
    const throttle = createThrottle(
      { name: "slots", rate: { limit: 2 }, algorithm: concurrency({ lease: "1min" }) },
      { client, store },
    );
    const inStore = await throttle.check(request());
    store.fault = FAULTS.rejects;
    const here = await throttle.check(request());
    assertEquals(here.decisions[0].source, "local");
    assertEquals((await throttle.check(request())).allowed, false, "the store's slot is held here too");
    store.fault = null;
    time.now += 1000;
    await here.label(new Response("done")).text();
    await inStore.label(new Response("done")).text();
    assertEquals((await throttle.usage("slots", "192.0.2.1")).remaining, 2);
    store.fault = FAULTS.rejects;
    const again = await Promise.all([0, 1, 2].map(() => throttle.check(request())));
    assertEquals(again.map(({ allowed }) => allowed), [true, true, false]);
  });

  it("a store that is not shared is not counted twice", async () => {
    let steps = 0;
    const counted = {
      ...fixedWindow(),
      step: (...args: Parameters<ReturnType<typeof fixedWindow>["step"]>) => {
        steps++;
        return fixedWindow().step(...args);
      },
    };
    const throttle = createThrottle({ name: "r", rate: "10/min", algorithm: counted }, {
      client,
      store: memoryStore(),
    });
    await throttle.check(request());
    assertEquals(steps, 1);
  });
});

describe("mixed policies in one decision", () => {
  const TABLE: readonly {
    policies: readonly ("local" | "allow" | "deny")[];
    allowed: boolean;
    status: number | null;
  }[] = [
    { policies: ["local", "allow"], allowed: true, status: null },
    { policies: ["local", "deny"], allowed: false, status: 503 },
    { policies: ["allow", "deny"], allowed: false, status: 503 },
    { policies: ["local", "allow", "deny"], allowed: false, status: 503 },
  ];

  for (const { policies, allowed, status } of TABLE) {
    it(`${policies.join(" + ")}: all or nothing`, async () => {
      const store = shared(() => 0);
      store.fault = FAULTS.rejects;
      const rules: Rule[] = policies.map((policy) => ({
        name: policy,
        rate: "5/min",
        onStoreFailure: policy,
      }));
      const throttle = createThrottle(rules, { client, store });
      for (let i = 0; i < 3; i++) {
        const outcome = await throttle.check(request());
        assertEquals([outcome.allowed, outcome.response?.status ?? null], [allowed, status]);
        const here = outcome.decisions.find(({ source }) => source === "local");
        if (here !== undefined) assertEquals(here.remaining, allowed ? 4 - i : 5);
      }
    });
  }

  it("a local refusal refuses the request, as the quota's", async () => {
    const store = shared(() => 0);
    store.fault = FAULTS.rejects;
    const throttle = createThrottle([
      { name: "a", rate: "1/min", onStoreFailure: "local" },
      { name: "b", rate: "5/min", onStoreFailure: "allow" },
    ], { client, store });
    assertEquals((await throttle.check(request())).allowed, true);
    assertEquals((await throttle.check(request())).response?.status, 429);
  });

  it("a rule in shadow mode refuses nothing, whatever its policy", async () => {
    const store = shared(() => 0);
    store.fault = FAULTS.rejects;
    const throttle = createThrottle([
      { name: "a", rate: "5/min", onStoreFailure: "local" },
      { name: "b", rate: "5/min", onStoreFailure: "deny", mode: "shadow" },
    ], { client, store });
    const { allowed, decisions } = await throttle.check(request());
    assertEquals([allowed, decisions[0].remaining, decisions[1].source], [true, 4, "denied-by-policy"]);
  });

  it("a rule's own policy comes before the throttle's", async () => {
    const store = shared(() => 0);
    store.fault = FAULTS.rejects;
    const throttle = createThrottle([{ name: "a", rate: "5/min" }, {
      name: "b",
      rate: "5/min",
      onStoreFailure: "local",
    }], { client, store, onStoreFailure: "allow" });
    const { decisions } = await throttle.check(request());
    assertEquals(decisions.map(({ source }) => source), ["allowed-by-policy", "local"]);
  });
});

describe("reset while the store fails", () => {
  for (const what of ["hangs", "rejects", "throws"]) {
    it(`says so: the store ${what}`, async () => {
      const store = shared(() => 0);
      const throttle = createThrottle({ name: "r", rate: "1/min" }, { client, store });
      store.fault = FAULTS[what];
      const error = await assertRejects(
        async () => await throttle.reset("r", "192.0.2.1"),
        Error,
        "Cannot reset",
      );
      assert((error as Error).cause instanceof Error);
      await quiet();
    });
  }

  it("forgets the counts that are kept here, too", async () => {
    const store = shared(() => 0);
    const throttle = createThrottle({ name: "r", rate: "1/min" }, { client, store });
    await throttle.check(request());
    await throttle.reset("r", "192.0.2.1");
    store.fault = FAULTS.rejects;
    assertEquals((await throttle.check(request())).allowed, true);
  });

  it("a store that cannot forget still cannot behind the failure policies", () => {
    const { forget: _, ...store } = shared(() => 0);
    const [rule] = prepareRules(["1/min"]);
    assertStrictEquals(failover(store, { rules: [rule], onStoreFailure: "local" }).forget, undefined);
  });
});
