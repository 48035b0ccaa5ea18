/** An explanation charges nothing: a throttle that is asked to explain decides as its twin that is not. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byHeader,
  byUser,
  concurrency,
  createThrottle,
  type Decision,
  firstOf,
  fixedWindow,
  gcra,
  memoryStore,
  type Outcome,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
} from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { withoutRedis } from "../harness/redis.ts";
import { suiteRedis } from "../harness/suite_redis.ts";
import { client, requestTo, START } from "../harness/throttled.ts";

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  gcra(),
  gcra({ burst: 2 }),
  slidingLog(),
  slidingWindow({ slots: 4 }),
];

/** A window so long that no test outlasts a part of it, or a short one. */
const rules = (window: string): fc.Arbitrary<Rule[]> => {
  const timed = fc.record({
    rate: fc.integer({ min: 0, max: 4 }).map((limit) => ({ limit, window })),
    algorithm: fc.constantFrom(...ALGORITHMS),
    mode: fc.constantFrom("enforce" as const, "enforce" as const, "shadow" as const),
    on: fc.constantFrom<readonly string[] | undefined>(undefined, undefined, ["POST /login"], [
      "/a/*",
      "GET /",
    ], []),
    cost: fc.constantFrom<Rule["cost"]>(1, 1, 2, 0, ({ request }) => Number(request.headers.get("x-cost"))),
    key: fc.constantFrom<Rule["key"]>(
      undefined,
      undefined,
      byUser(),
      byHeader("x-tenant"),
      firstOf(byUser(), () => "x"),
    ),
    count: fc.constantFrom<Rule["count"]>("all", "all", "failures"),
    block: fc.constantFrom<Rule["block"]>(undefined, undefined, { after: 2, window, for: window, growth: 2 }),
    unless: fc.constantFrom<Rule["unless"]>(undefined, ({ request }) => request.headers.has("x-exempt")),
  });
  const slots = fc.record({
    rate: fc.integer({ min: 1, max: 3 }).map((limit) => ({ limit })),
    algorithm: fc.constant(concurrency({ lease: window })),
  });
  const named = (list: object[]) =>
    list.map((rule, i) => {
      const entries = Object.entries({ name: `r${i}`, ...rule }).filter(([, value]) => value !== undefined);
      return Object.fromEntries(entries) as unknown as Rule;
    });
  return fc.array(fc.oneof({ weight: 4, arbitrary: timed }, { weight: 1, arbitrary: slots }), {
    minLength: 1,
    maxLength: 4,
  })
    .map(named);
};

/** One request, its answer, and the explanations before it, while it runs and after it. */
const visits = fc.array(
  fc.record({
    target: fc.constantFrom("/", "POST /login", "/a/b", "OPTIONS /a/b"),
    headers: fc.record({
      "x-from": fc.constantFrom("192.0.2.1", "192.0.2.2", "2001:db8::1"),
      "x-user": fc.constantFrom("", "ann", "none"),
      "x-tenant": fc.constantFrom("", "acme"),
      "x-cost": fc.constantFrom("1", "3", "0"),
    }),
    waitMs: fc.constantFrom(0, 0, 1, 3000, 20_000),
    status: fc.constantFrom(200, 500),
    explains: fc.tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 1 }),
      fc.integer({ min: 0, max: 1 }),
    ),
  }),
  { minLength: 1, maxLength: 15 },
);

const authenticate = ({ request }: { request: Request }) => {
  const id = request.headers.get("x-user");
  return id === "none" ? new Response(null, { status: 401 }) : id ? { id } : null;
};

/** Numbers that do not depend on the time that a store takes. */
const timeless = ({ rule, allowed, remaining, cost, limit, source }: Decision) => ({
  rule,
  allowed,
  remaining,
  cost,
  limit,
  source,
});

/** Decides visits by one throttle with explanations in between, and by its twin without any. */
function sameAsTwin(stores: () => readonly [Store, Store], window: string, clock: { now: number } | null) {
  const quiet = { client, authenticate, sendHeaders: "never", unsafeStore: "ignore" } as const;
  return fc.asyncProperty(rules(window), visits, async (list, trace) => {
    const [asked, twin] = stores().map((store) => createThrottle(list, { ...quiet, store }));
    for (const { target, headers, waitMs, status, explains: [before, during, after] } of trace) {
      if (clock !== null) clock.now += waitMs;
      const request = requestTo(target, { headers });
      const explain = async (times: number, outcome?: Outcome): Promise<void> => {
        for (let i = 0; i < times; i++) {
          await asked.explain(requestTo(target, { headers }));
          const { decided, allowed } = await asked.explain(request);
          if (outcome !== undefined && decided) assertEquals(allowed, outcome.allowed);
        }
      };
      await explain(before);
      const outcome = await asked.check(request);
      await explain(during, outcome);
      outcome.label(new Response(null, { status }));
      await explain(after);
      const expected = await twin.check(requestTo(target, { headers }));
      expected.label(new Response(null, { status }));
      const of = ({ decisions, allowed }: Outcome) => ({
        allowed,
        decisions: clock === null ? decisions.map(timeless) : decisions,
      });
      assertEquals(of(outcome), of(expected));
    }
  });
}

describe("an explanation", () => {
  it("charges nothing on a memoryStore, whatever the rules, the requests and the explanations in between", async () => {
    const clock = { now: START };
    const store = (): Store => memoryStore({ clock: () => clock.now });
    await fc.assert(sameAsTwin(() => [store(), store()], "1min", clock), { numRuns: 200 });
  });

  it("would be caught charging by these tests", async () => {
    const clock = { now: START };
    const store = (): Store => memoryStore({ clock: () => clock.now });
    const spending = (): Store => {
      const { decide, ...rest } = store();
      return { ...rest, decide: (checks) => decide(checks) };
    };
    const { failed } = await fc.check(sameAsTwin(() => [spending(), store()], "1min", clock), {
      numRuns: 200,
    });
    assert(failed);
  });
});

describe("an explanation on Redis", { skip: withoutRedis }, () => {
  const { command, client: connected } = suiteRedis();
  let stores = 0;
  const store = (options = {}): Store =>
    redisStore({ client: connected, prefix: `weir${stores++}`, timeoutMs: 10_000, ...options });

  it("charges nothing, whatever the rules, the requests and the explanations in between", async () => {
    await fc.assert(sameAsTwin(() => [store(), store()], "1day", null), { numRuns: 40 });
  });

  it("writes nothing", async () => {
    const throttle = createThrottle([{ name: "r", rate: "1/h" }, {
      name: "g",
      rate: "2/h",
      algorithm: gcra(),
    }], {
      store: store({ prefix: "silent" }),
      client,
    });
    await throttle.explain(requestTo());
    assertEquals(await command("KEYS", "silent:*"), []);
    await throttle.check(requestTo());
    const dump = async () => [await command("GET", "silent:r/fixed-window/3600000:192.0.2.1")];
    const before = await dump();
    await throttle.explain(requestTo());
    assertEquals(await dump(), before);
  });

  it("names the key under which Redis keeps the units, which is a hash where the store hashes keys", async () => {
    const request = requestTo();
    for (
      const [options, pattern] of [[{}, /^keys:r\/fixed-window\/3600000:192\.0\.2\.1$/], [
        { hashKeys: "secret" },
        /^keys:r\/fixed-window\/3600000:[0-9a-f]{64}$/,
      ]] as const
    ) {
      const throttle = createThrottle({ name: "r", rate: "1/h" }, {
        store: store({ prefix: "keys", ...options }),
        client,
      });
      await throttle.check(requestTo());
      const { rules: [{ key }], text } = await throttle.explain(request);
      assert(pattern.test(key!.stored), key!.stored);
      assertEquals(await command("EXISTS", key!.stored), 1);
      assert(text.includes(`which the store keeps as "${key!.stored}"`), text);
    }
  });

  it("says which requests were answered by the store, from units taken ahead, and from a known refusal", async () => {
    const throttle = createThrottle({ name: "r", rate: "30/h" }, { store: store({ lease: 4 }), client });
    const sources = new Set<string>();
    for (let i = 0; i < 32; i++) {
      const request = requestTo();
      await throttle.check(request);
      const { rules: [{ decision }], text } = await throttle.explain(request);
      sources.add(`${decision!.source}: ${text.split(". ").at(-1)}`);
    }
    assertEquals([...sources].sort(), [
      "deny-cache: This instance answered, as it remembers the refusal.",
      "lease: This instance answered, from units that it took ahead.",
      "store: The store answered.",
    ]);
  });
});
