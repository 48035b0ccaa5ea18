/** The events that watchers of a throttle get, and that watchers neither decide nor break anything. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  byHeader,
  concurrency,
  createThrottle,
  memoryStore,
  type Observer,
  type Rule,
  type Store,
  type StoreChange,
  type ThrottleEvent,
  throttleOf,
} from "../../mod.ts";
import { writtenDuring } from "../harness/console.ts";
import { client, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";

const types = (events: readonly ThrottleEvent[]) => events.map(({ type }) => type);

/** The calls of `console.error` meanwhile. */
const errorsDuring = async (act: () => Promise<unknown>) => (await writtenDuring(act, "error")).calls;

describe("observers", () => {
  it("hear of the verdict on every request, once", async () => {
    const { send, events, clock } = throttled({ name: "login", rate: "1/min", on: "POST /login/:name" });
    await send("POST /login/ann");
    clock.now += 1000;
    await send("POST /login/ann");
    const shared = { method: "POST", route: "/login/:name" };
    assertEquals(
      events.map(({ decisions, key: _key, durationMs: _took, ...rest }) => ({
        ...rest,
        left: decisions[0].remaining,
      })),
      [
        { ...shared, type: "allowed", at: START, left: 0 },
        { ...shared, type: "denied", at: START + 1000, rule: "login", left: 0 },
      ],
    );
    const [{ rule, limit, windowMs, cost, mode, allowed, retryAfterMs, blockedMs, source }] =
      events[1].decisions;
    assertEquals({ policy: rule, limit, windowMs, cost, mode, allowed, retryAfterMs, blockedMs, source }, {
      policy: "login",
      limit: 1,
      windowMs: 60_000,
      cost: 1,
      mode: "enforce",
      allowed: false,
      retryAfterMs: 59_000,
      blockedMs: 0,
      source: "store",
    });
  });

  const sequences: [
    string,
    Rule | Rule[],
    Parameters<typeof throttled>[1],
    [string, string | undefined][],
  ][] = [
    ["a rule that is skipped", [{ name: "a", rate: null }, { name: "b", rate: "9/min" }], {}, [
      ["skipped", "a"],
      ["allowed", undefined],
    ]],
    [
      "rules skipped in both stages",
      [
        { name: "before", rate: "1/min", key: byHeader("x-none") },
        { name: "after", rate: "1/min", key: byHeader("x-none"), stage: "after-auth" },
      ],
      { authenticate: () => null },
      [
        ["skipped", "before"],
        ["skipped", "after"],
        ["allowed", undefined],
      ],
    ],
    [
      "a shadow rule that would have refused",
      [
        { name: "shadow", rate: "0/min", mode: "shadow" },
        { name: "live", rate: "9/min" },
      ],
      {},
      [["shadow-denied", "shadow"], ["allowed", undefined]],
    ],
    [
      "two rules that refuse: the first is named",
      [{ name: "a", rate: "0/min" }, { name: "b", rate: "0/s" }],
      {},
      [
        ["denied", "a"],
      ],
    ],
    ["a charge that is corrected", { name: "a", rate: "9/min", count: "failures" }, {}, [
      ["allowed", undefined],
      ["settled", "a"],
    ]],
    [
      "a slot that is given back",
      { name: "a", rate: { limit: 1 }, algorithm: concurrency({ lease: 1 }) },
      {},
      [
        ["allowed", undefined],
        ["settled", "a"],
      ],
    ],
    ["authentication that answers", { name: "a", rate: "9/min" }, {
      authenticate: () => new Response(null, { status: 401 }),
    }, [["allowed", undefined]]],
    [
      "a function that throws",
      [{ name: "a", rate: "9/min" }, {
        name: "b",
        rate: () => {
          throw new Error("mine");
        },
      }],
      {},
      [["error", "b"]],
    ],
    ["authentication that throws", { name: "a", rate: "9/min" }, {
      authenticate: () => Promise.reject(new Error("mine")),
    }, [["error", undefined]]],
    ["a rate that cannot be used", { name: "a", rate: () => "often" }, {}, [["error", "a"], ["denied", "a"]]],
  ];
  for (const [title, rules, options, told] of sequences) {
    it(`get their events in order: ${title}`, async () => {
      const { send, events } = throttled(rules, options, () => new Response(null));
      await send().catch(() => {});
      assertEquals(events.map(({ type, rule }) => [type, rule]), told);
    });
  }

  it("get what a shadow rule would have decided, next to what the live rules did", async () => {
    const { statuses, events } = throttled([
      { name: "shadow", rate: "1/min", mode: "shadow" },
      { name: "live", rate: "2/min" },
    ]);
    await statuses(3);
    assertEquals(events.map(({ type, rule }) => [type, rule]), [
      ["allowed", undefined],
      ["shadow-denied", "shadow"],
      ["allowed", undefined],
      ["shadow-denied", "shadow"],
      ["denied", "live"],
    ]);
  });

  it("hear of a block, beside the verdict", async () => {
    const { statuses, events } = throttled({
      name: "login",
      rate: "1/min",
      block: { after: 2, window: "10min", for: "1h" },
    });
    await statuses(5);
    assertEquals(types(events).slice(0, 2), ["allowed", "denied"]);
    assertEquals(types(events).slice(-4), ["blocked", "denied", "blocked", "denied"]);
    const { rule, decisions } = events.at(-2)!;
    assertEquals([rule, decisions.length, decisions[0].blockedMs > 0], ["login", 1, true]);
  });

  it("see in a verdict every decision of the request, shadow ones included; in the others the one in question", async () => {
    const { send, events } = throttled([
      { name: "a", rate: "9/min", count: () => 4 },
      { name: "b", rate: "0/min", mode: "shadow" },
    ]);
    await send();
    assertEquals(
      events.map(({ type, decisions }) => [type, decisions.map(({ rule, cost }) => [rule, cost])]),
      [
        ["shadow-denied", [["b", 1]]],
        ["allowed", [["a", 1], ["b", 1]]],
        ["settled", [["a", 4]]],
      ],
    );
  });

  it("see the route's pattern and never the path, its query or a header", async () => {
    const { send, events } = throttled([
      { name: "all", rate: "2/min" },
      { name: "group", rate: "9/min", on: "/users/*" },
      { name: "one", rate: "9/min", on: "GET /users/:id/mail" },
      { name: "key", rate: "9/min", key: byHeader("x-key") },
    ]);
    for (
      const path of ["/users/ann@example.com/mail?token=secret", "/users/ann@example.com", "/ann@example.com"]
    ) {
      await send(`GET ${path}`, { headers: { "x-key": "secret" }, from: "203.0.113.9" });
    }
    const verdicts = events.filter(({ type }) => type === "allowed" || type === "denied");
    assertEquals(verdicts.map(({ route }) => route), ["/users/:id/mail", "/users/*", null]);
    assertFalse(/ann|secret|203\.0\.113/.test(JSON.stringify(events)), JSON.stringify(events));
  });

  it("see a short hash of the key: the same for the same key, another for another, another elsewhere", async () => {
    const keysOf = async (revealKeys: boolean) => {
      const { statuses, events } = throttled("0/min", { revealKeys });
      await statuses(2);
      await statuses(1, "/", { from: "203.0.113.9" });
      return events.map(({ key }) => key!);
    };
    const [ann, again, bob] = await keysOf(false);
    assertEquals(ann, again);
    assertNotEquals(ann, bob);
    assertMatch(ann, /^[A-Za-z0-9_-]{6,24}$/);
    assertNotEquals(ann, (await keysOf(false))[0]);
    assertEquals(await keysOf(true), [SOMEBODY, SOMEBODY, "203.0.113.9"]);
  });

  it("hear when the store begins to fail and when it is well again, not once a request", () => {
    const within = memoryStore();
    const listeners: ((change: StoreChange) => void)[] = [];
    const store: Store = { ...within, observe: (listener) => void listeners.push(listener) };
    const { events } = throttled("9/min", { store });
    for (const listener of listeners) listener({ state: "failing", error: new Error("away") });
    for (const listener of listeners) listener({ state: "healed" });
    assertEquals(
      events.map(({ type, state, method, route, decisions }) => ({ type, state, method, route, decisions })),
      (["failing", "healed"] as const).map((state) => (
        { type: "store" as const, state, method: "", route: null, decisions: [] }
      )),
    );
    assertStringIncludes(String(events[0].error), "away");
  });

  it("hear nothing of what is only asked: peek, usage, reset", async () => {
    const { throttle, events } = throttled([{ name: "a", rate: "0/min" }, { name: "b", rate: null }, {
      name: "c",
      rate: "1/min",
      mode: "shadow",
    }]);
    await throttle.peek(requestTo());
    await throttle.usage("a", requestTo());
    await throttle.usage("c", SOMEBODY);
    await throttle.reset("c", SOMEBODY);
    assertEquals(events, []);
  });

  it("all get each event, in the order given, each after the other", async () => {
    const told: string[] = [];
    const observer = (name: string): Observer => ({ type }) => void told.push(`${name} ${type}`);
    const { statuses } = throttled("1/min", { observers: [observer("one"), observer("two")] });
    await statuses(2);
    assertEquals(told, ["one allowed", "two allowed", "one denied", "two denied"]);
  });
});

describe("an observer that fails", () => {
  const failing: [string, () => unknown][] = [
    ["throws", () => {
      throw new Error("mine");
    }],
    ["rejects", () => Promise.reject(new Error("mine"))],
    ["throws later", async () => {
      await null;
      throw new Error("mine");
    }],
    ["throws undefined", () => {
      throw undefined;
    }],
  ];
  for (const [title, observer] of failing) {
    it(`(${title}) is reported once, and changes nothing for the request or the others`, async () => {
      let others = 0;
      const observers = [observer as Observer, () => void others++];
      const { statuses, send } = throttled("3/min", { observers }, () => new Response("inside"));
      const errors = await errorsDuring(async () => {
        assertEquals(await (await send()).text(), "inside");
        assertEquals(await statuses(3), [200, 200, 429]);
        await new Promise((turn) => setTimeout(turn));
      });
      assertEquals(others, 4);
      assertEquals(errors.length, 1);
      assertEquals(errors[0].length, 2);
      assertMatch(String(errors[0][0]), /^@weir\/throttle: An observer of a throttle failed/);
    });
  }

  it("still gets all later events; another one that fails is reported for itself", async () => {
    let told = 0;
    const broken = (): Observer => () => {
      told++;
      throw new Error("mine");
    };
    const errors = await errorsDuring(() =>
      throttled("9/min", { observers: [broken(), broken()] }).statuses(3)
    );
    assertEquals([told, errors.length], [6, 2]);
  });

  it("is never waited for", async () => {
    const throttle = createThrottle("9/min", { client, observers: [() => new Promise<void>(() => {})] });
    assertFalse("then" in throttle.check(requestTo()));
    assertEquals((await throttle.wrap(() => new Response())(requestTo())).status, 200);
  });
});

describe("observed or not, any rules and requests", () => {
  it("are answered the same", async () => {
    const written = fc.record({
      limit: fc.integer({ min: 0, max: 4 }),
      mode: fc.constantFrom("enforce" as const, "shadow" as const),
      count: fc.constantFrom("all" as const, "failures" as const, "successes" as const),
      stage: fc.constantFrom("before-auth" as const, "after-auth" as const),
      skipped: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(written, { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean()),
        async (rules, oks) => {
          const answers = async (observers: Observer[]) => {
            let ok = true;
            const throttle = createThrottle([
              "99/min",
              ...rules.map(({ limit, skipped, ...rest }, i): Rule => (
                {
                  name: `r${i}`,
                  rate: { limit, window: 60 },
                  ...rest,
                  ...(skipped ? { key: () => null } : {}),
                }
              )),
            ], { client, store: memoryStore({ clock: () => START }), observers });
            const handler = throttle.wrap((request) => {
              throttleOf(request)!.settle("r0", 1);
              return new Response(null, { status: ok ? 200 : 400 });
            });
            const seen: unknown[] = [];
            for (ok of oks) {
              const { status, headers } = await handler(requestTo());
              seen.push([status, [...headers]]);
            }
            return seen;
          };
          const events: ThrottleEvent[] = [];
          const errors = await errorsDuring(async () => {
            const breaking: Observer = (event) => {
              events.push(event);
              throw new Error("mine");
            };
            assertEquals(await answers([breaking]), await answers([]));
          });
          const verdicts = events.filter(({ type }) => type === "allowed" || type === "denied");
          assertEquals(verdicts.length, oks.length);
          assert(errors.length <= 1);
        },
      ),
      { numRuns: 100 },
    );
  });
});
