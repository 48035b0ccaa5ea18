/** The promises of the contract: arguments, answers to questions, and parts that users bring. */
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  byHeader,
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  rateLimit,
  type Rule,
  slidingLog,
  type Store,
  type StoreDecision,
  type ThrottleOptions,
  withThrottle,
} from "../../mod.ts";
import { client, COUNTING, left, requestTo, SOMEBODY, throttled } from "../harness/throttled.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

describe("questions to a throttle", () => {
  it("check decides without a handler; label puts the headers on, on the same object", async () => {
    const { throttle } = throttled({ name: "r", rate: "1/min" });
    const first = await throttle.check(requestTo());
    assertEquals([first.allowed, first.response], [true, null]);
    const response = new Response("mine");
    assertEquals(first.label(response) === response, true);
    assertEquals(response.headers.get("x-ratelimit-remaining"), "0");
    const second = await throttle.check(requestTo());
    assertEquals([second.allowed, second.response?.status], [false, 429]);
    const own = second.label(new Response("slow down", { status: 429 }));
    assertEquals(own.headers.get("retry-after"), "60");
  });

  it("check answers at once where nothing has to be waited for", () => {
    const { throttle } = throttled("1/min");
    const outcome = throttle.check(requestTo());
    assertEquals("then" in outcome, false);
    assertEquals(
      withThrottle(() => new Response(), "1/min", { client })(requestTo()) instanceof Response,
      true,
    );
  });

  it("peek says whether the request's own cost would pass now, and spends and tells nothing", async () => {
    const { throttle, send, events } = throttled([
      { name: "dear", rate: "5/min", cost: 3 },
      { name: "never", rate: null },
      { name: "cheap", rate: "9/min" },
    ]);
    const look = async () =>
      (await throttle.peek(requestTo())).map(({ rule, allowed, remaining, retryAfterMs }) => [
        rule,
        allowed,
        remaining,
        retryAfterMs,
      ]);
    for (let i = 0; i < 3; i++) assertEquals(await look(), [["dear", true, 5, 0], ["cheap", true, 9, 0]]);
    assertEquals(events, []);
    await send();
    assertEquals(await look(), [["dear", false, 2, MINUTE], ["cheap", true, 8, 0]]);
  });

  it("usage and reset take a rule's name and a key, or a request to derive it from", async () => {
    const { throttle, send, statuses } = throttled([
      { name: "ip", rate: "2/min" },
      { name: "user", rate: "2/min", key: byHeader("x-user"), on: "/me" },
    ]);
    await statuses(2, "/me", { headers: { "x-user": "ann" } });
    for (const key of ["ann", requestTo("/me", { headers: { "x-user": "ann" } })]) {
      const { rule, allowed, remaining, limit, windowMs, retryAfterMs } = await throttle.usage(
        "user",
        key,
      );
      assertEquals({ policy: rule, allowed, remaining, limit, windowMs, retryAfterMs }, {
        policy: "user",
        allowed: false,
        remaining: 0,
        limit: 2,
        windowMs: MINUTE,
        retryAfterMs: MINUTE,
      });
    }
    assertEquals((await throttle.usage("user", "bob")).remaining, 2);
    await throttle.reset("user", "ann");
    assertEquals((await throttle.usage("user", "ann")).remaining, 2);
    assertEquals((await throttle.usage("ip", SOMEBODY)).remaining, 0);
    await throttle.reset("ip", requestTo());
    assertEquals((await send("/me", { headers: { "x-user": "ann" } })).status, 200);
  });

  it("keys are literal in usage and reset", async () => {
    const { throttle, send } = throttled({ name: "k", rate: "1/min", key: byHeader("x-key") });
    const keys = ["*", "a*", "?", "[ab]", "a", "{a}", "a:b", "%00"];
    for (const key of keys) await send("/", { headers: { "x-key": key } });
    for (const key of ["*", "?", "[ab]"]) {
      await throttle.reset("k", key);
      assertEquals((await throttle.usage("k", key)).remaining, 1);
    }
    for (const key of ["a*", "a", "{a}", "a:b", "%00"]) {
      assertEquals((await throttle.usage("k", key)).remaining, 0, key);
    }
  });

  it("keys made of different parts differ, whatever the parts are", async () => {
    const { throttle } = throttled([
      { name: "a", rate: "1/min", key: byHeader("x-key") },
      { name: "a.b", rate: "1/min", key: byHeader("x-key") },
    ]);
    const check = (key: string) => throttle.check(requestTo("/", { headers: { "x-key": key } }));
    for (const key of ["b:c", "b", "a:b", "a.b:c", ":", "b:"]) {
      assertEquals((await check(key)).allowed, true, key);
    }
  });

  it("everything of a key is forgotten by reset", async () => {
    const rules: Rule[] = COUNTING.map(([name, algorithm]) => (
      { name: name.replace(" ", "-"), rate: "1/min", algorithm, block: { after: 1, window: 60, for: 600 } }
    ));
    for (const rule of rules) {
      const { throttle, statuses, clock } = throttled(rule);
      assertEquals(await statuses(3), [200, 429, 429]);
      clock.now += 2 * MINUTE;
      assertEquals(await statuses(1), [429], "blocked still");
      await throttle.reset(rule.name!, SOMEBODY);
      assertEquals(await statuses(2), [200, 429]);
    }
  });

  it("a question that cannot be answered is refused in a sentence", async () => {
    const { throttle } = throttled([
      { name: "plain", rate: "1/min", on: "/here" },
      { name: "tiered", rate: () => "1/min" },
    ]);
    const ask = (name: string, key: string | Request) => async () => await throttle.usage(name, key);
    await assertRejects(ask("other", "a"), TypeError, 'only "plain", "tiered": current value is "other"');
    await assertRejects(ask("tiered", "a"), TypeError, "its rate depends on the request");
    assertEquals((await throttle.usage("tiered", requestTo())).remaining, 1);
    const skips = throttled({ name: "s", rate: "1/min", key: () => null }).throttle;
    await assertRejects(async () => await skips.usage("s", requestTo()), TypeError, "it skips this request");
    const free = throttled({ name: "free", rate: null }).throttle;
    await assertRejects(async () => await free.usage("free", "a"), TypeError, "it has no limit");
    const { decide } = memoryStore();
    const forgetful = createThrottle({ name: "f", rate: "1/min" }, { store: { shared: false, decide } });
    assertThrows(() => forgetful.reset("f", "a"), TypeError, "its store cannot forget");
  });

  it("rules shows what was compiled, defaults and all", () => {
    const { rules } = createThrottle([
      "100/hour",
      { name: "login", rate: "5/15min", on: ["POST /login", "/sign-in"], mode: "shadow", algorithm: gcra() },
      { name: "exports", rate: { limit: 2 }, algorithm: concurrency({ lease: "1min" }), key: byGlobal() },
      { name: "tiers", rate: () => null, stage: "after-auth", algorithm: { step: fixedWindow().step } },
    ]);
    assertEquals(
      rules.map(({ name, limit, windowMs, algorithm, stage, mode, on }) => (
        { name, limit, windowMs, algorithm, stage, mode, on }
      )),
      [
        {
          name: "ip.100-per-1h",
          limit: 100,
          windowMs: HOUR,
          algorithm: "fixed-window",
          stage: "before-auth",
          mode: "enforce",
          on: [],
        },
        {
          name: "login",
          limit: 5,
          windowMs: 15 * MINUTE,
          algorithm: "gcra",
          stage: "before-auth",
          mode: "shadow",
          on: ["POST /login", "/sign-in"],
        },
        {
          name: "exports",
          limit: 2,
          windowMs: MINUTE,
          algorithm: "concurrency",
          stage: "before-auth",
          mode: "enforce",
          on: [],
        },
        {
          name: "tiers",
          limit: null,
          windowMs: null,
          algorithm: "custom",
          stage: "after-auth",
          mode: "enforce",
          on: [],
        },
      ],
    );
  });
});

describe("parts that a user brings", () => {
  /** A bucket per odd and even minute, as an object: all that an algorithm has to be. */
  const custom: Algorithm = {
    step(state, { limit, windowMs }, now, cost, since) {
      const { start, used } = (state as { start: number; used: number } | null) ?? { start: now, used: 0 };
      const left = start + windowMs - now;
      const allowed = since !== null || used + cost <= limit;
      const after = allowed ? Math.max(0, used + cost) : used;
      return {
        allowed,
        remaining: limit - after,
        resetAfterMs: left,
        retryAfterMs: allowed ? 0 : left,
        state: after === used ? state : { start, used: after },
        ttlMs: left,
      };
    },
  };

  it("an algorithm that is a step alone, with an object as its state", async () => {
    const { clock, statuses, throttle } = throttled({ name: "c", rate: "2/min", algorithm: custom });
    assertEquals(await statuses(3), [200, 200, 429]);
    assertEquals((await throttle.usage("c", SOMEBODY)).retryAfterMs, MINUTE);
    clock.now += MINUTE;
    assertEquals(await statuses(3), [200, 200, 429]);
  });

  /** The least that a store can be: it has a Map and a clock. */
  function plainStore(later: boolean): Store {
    const states = new Map<string, { state: unknown; until: number }>();
    const stepOf = ({ key, algorithm, policy, since }: Check, now: number, cost: number) => {
      const kept = states.get(key);
      const state = kept !== undefined && now < kept.until ? kept.state : null;
      return algorithm.step(state, policy, now, cost, since);
    };
    const decide = (checks: readonly Check[], spend = true) => {
      const now = Date.now();
      const steps = checks.map((check) => stepOf(check, now, check.cost));
      const pass = spend && steps.every(({ allowed }, i) => allowed || checks[i].policy.mode === "shadow");
      const told = steps.map((step, i) => {
        if (pass) states.set(checks[i].key, { state: step.state, until: now + step.ttlMs });
        // A request that is not charged is not part of the numbers.
        return pass || !step.allowed ? step : stepOf(checks[i], now, 0);
      });
      return checks.map(({ policy, cost }, i) => ({
        rule: policy.name,
        limit: policy.limit,
        windowMs: policy.windowMs,
        cost,
        mode: policy.mode,
        allowed: steps[i].allowed,
        remaining: told[i].remaining,
        resetAfterMs: told[i].resetAfterMs,
        retryAfterMs: steps[i].retryAfterMs,
        source: "store" as const,
        at: now,
        chargedAt: steps[i].at ?? now,
      }));
    };
    return { shared: false, decide: later ? async (...asked) => await decide(...asked) : decide };
  }
  for (const later of [false, true]) {
    it(`a store that is ${later ? "an async" : "a"} decide alone`, async () => {
      const { statuses, throttle } = throttled(["2/hour", "5/hour"], { store: plainStore(later) });
      assertEquals(await statuses(3), [200, 200, 429]);
      assertEquals(await left(throttle), [0, 3]);
    });
  }

  it("one store under two throttles: rules of different names never share a counter", async () => {
    const store = memoryStore();
    const [a, b] = ["a", "b"].map((name) => throttled({ name, rate: "1/min" }, { store }));
    assertEquals(await a.statuses(2), [200, 429]);
    assertEquals(await b.statuses(2), [200, 429]);
  });
});

describe("withThrottle and createThrottle", () => {
  it("take one rate, one rule, several, or a throttle that is made already", async () => {
    const handler = () => new Response("inside");
    const options = { client };
    const all = [
      withThrottle(handler, "1/min", options),
      withThrottle(handler, { limit: 1, window: 60 }, options),
      withThrottle(handler, { rate: "1/min" }, options),
      withThrottle(handler, ["9/min", { rate: "1/min", algorithm: slidingLog() }], options),
      withThrottle(handler, createThrottle("1/min", options)),
    ];
    for (const throttledHandler of all) {
      assertEquals((await throttledHandler(requestTo())).status, 200);
      assertEquals((await throttledHandler(requestTo())).status, 429);
    }
  });

  it("hand on whatever the server passes", async () => {
    const handler = withThrottle(
      (_request: Request, a: number, b: string) => new Response(`${a}${b}`),
      "1/min",
      {
        client: { address: (_request, a, b) => `192.0.2.${a === 1 && b === "x" ? 1 : 2}` },
      },
    );
    assertEquals(await (await handler(requestTo(), 1, "x")).text(), "1x");
    assertEquals((await handler(requestTo(), 1, "x")).status, 429);
    assertEquals((await handler(requestTo(), 2, "x")).status, 200);
  });

  it("share one throttle's counts between the handlers that it wraps", async () => {
    const throttle = createThrottle("2/min", { client });
    const [one, two] = [throttle.wrap(() => new Response("one")), throttle.wrap(() => new Response("two"))];
    assertEquals((await one(requestTo())).status, 200);
    assertEquals((await two(requestTo())).status, 200);
    assertEquals((await one(requestTo())).status, 429);
  });

  const made = createThrottle("1/min");
  const refusals: [string, () => unknown, string][] = [
    [
      "no function",
      () => withThrottle("handler" as never, "1/min"),
      'must be a function, such as app.fetch: current value is "handler"',
    ],
    [
      "an app in the place of its function",
      () => made.wrap({ fetch: () => new Response() } as never),
      "Cannot throttle this handler as it must be a function, such as app.fetch",
    ],
    [
      "options beside a throttle",
      () => withThrottle(() => new Response(), made, { sendHeaders: "never" }),
      '["sendHeaders"]',
    ],
    ["no rule", () => createThrottle([]), "needs at least one rule: current value is []"],
    ["null", () => createThrottle(null as never), "it must be a rate or a rule"],
    ["undefined", () => createThrottle(undefined as never), "rate must be"],
    [
      "two of a name",
      () => createThrottle([{ name: "a", rate: "1/s" }, { name: "a", rate: "2/s" }]),
      "unique",
    ],
    ["an unknown property", () => createThrottle({ rate: "1/s", max: 1 } as never), '"max"'],
    ["an unknown option", () => createThrottle("1/s", { header: [] } as never), 'current value is "header"'],
    ["store", () => createThrottle("1/s", { store: {} as never }), "store must be a store"],
    ["store null", () => createThrottle("1/s", { store: null as never }), "store must be a store"],
    ["client", () => createThrottle("1/s", { client: "cloudflare" as never }), "client must be an object"],
    [
      "authenticate",
      () => createThrottle("1/s", { authenticate: {} as never }),
      "authenticate must be a function",
    ],
    [
      "headers",
      () => createThrottle("1/s", { headers: ["x"] as never }),
      "headers must be a list of header formats",
    ],
    [
      "headers, one",
      () => createThrottle("1/s", { headers: rateLimit() as never }),
      "headers must be a list",
    ],
    [
      "sendHeaders",
      () => createThrottle("1/s", { sendHeaders: "sometimes" as never }),
      '"always", "denied", "never"',
    ],
    ["reject", () => createThrottle("1/s", { reject: new Response() as never }), "reject must be a function"],
    [
      "onStoreFailure",
      () => createThrottle("1/s", { onStoreFailure: "open" as never }),
      '"local", "allow", "deny"',
    ],
    ["unsafeStore", () => createThrottle("1/s", { unsafeStore: true as never }), '"warn", "error", "ignore"'],
    ["observers", () => createThrottle("1/s", { observers: [console] as never }), "observers must be a list"],
    [
      "revealKeys",
      () => createThrottle("1/s", { revealKeys: "yes" as never }),
      "revealKeys must be true or false",
    ],
  ];
  for (const [title, make, message] of refusals) {
    it(`refuse ${title} at construction, with the value`, () => {
      const error = assertThrows(make, TypeError, message) as Error;
      assertMatch(error.message, /^Cannot .*: current value is /);
    });
  }

  it("take an option that is undefined for one that is not given, in TypeScript's exact mode too", async () => {
    const options: ThrottleOptions = {
      client,
      store: undefined,
      authenticate: () => ({ id: "ann", tier: undefined, staff: undefined }),
      headers: undefined,
      sendHeaders: undefined,
      observers: undefined,
    };
    const rule: Rule = { rate: "1/min", mode: undefined, unless: undefined, trial: undefined };
    const handler = withThrottle(() => new Response(), rule, options);
    assertEquals((await handler(requestTo())).headers.get("x-ratelimit-remaining"), "0");
  });
});

describe("a store of one's own", () => {
  it("may leave the times of its decisions to the throttle", async () => {
    let used = 0;
    const store: Store = {
      shared: false,
      decide: (checks) =>
        checks.map(({ policy: { name, limit, windowMs, mode }, cost }): StoreDecision => {
          const allowed = used + cost <= limit;
          if (allowed) used += cost;
          return {
            ...{
              rule: name,
              limit,
              windowMs,
              mode,
              cost,
              allowed,
              remaining: limit - used,
            },
            ...{ resetAfterMs: 1000, retryAfterMs: allowed ? 0 : 1000, source: "store" },
          };
        }),
    };
    const { statuses, send } = throttled({ name: "r", rate: "2/min", count: "failures" }, { store });
    assertEquals(await statuses(3), [200, 200, 200]);
    assertEquals((await send()).headers.get("x-ratelimit-limit"), "2");
  });
});

describe("authentication that gives nothing at all", () => {
  it("is no identity, in a look-up and in a peek as on the way of a request", async () => {
    const authenticate = () => undefined as unknown as null;
    const rule = {
      name: "r",
      rate: "2/min",
      stage: "after-auth",
      key: ({ identity }) => identity?.id ?? "nobody",
    } as Rule;
    const { throttle, statuses } = throttled(rule, { authenticate });
    assertEquals(await statuses(1), [200]);
    assertEquals((await throttle.peek(requestTo()))[0].remaining, 1);
    assertEquals((await throttle.usage("r", requestTo())).remaining, 1);
  });
});
