/** Rules at work: what passes, what is charged, and what a request is told, on a clock of the test's own. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  byHeader,
  byIp,
  type Check,
  createThrottle,
  type Decision,
  detailJson,
  errorJson,
  fixedWindow,
  gcra,
  memoryStore,
  type Rate,
  rateLimit,
  retryAfter,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  throttleOf,
  type ThrottleOptions,
  xRateLimit,
} from "../../mod.ts";
import { COUNTING, left, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";
import { pause } from "../harness/until.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

describe("a rule", () => {
  it("lets N requests pass; the N+1st is refused, until the window is over to the millisecond", async () => {
    const { clock, statuses } = throttled("60/min");
    assertEquals(await statuses(61), [...Array(60).fill(200), 429]);
    clock.now = START + MINUTE - 1;
    assertEquals(await statuses(1), [429]);
    clock.now++;
    assertEquals(await statuses(61), [...Array(60).fill(200), 429]);
  });

  it("counts each client for itself", async () => {
    const { statuses } = throttled("1/min");
    assertEquals(await statuses(2, "/", { from: "192.0.2.7" }), [200, 429]);
    assertEquals(await statuses(2, "/", { from: "192.0.2.8" }), [200, 429]);
    assertEquals(await statuses(1, "/", { from: "2001:db8::1" }), [200]);
    assertEquals(await statuses(1, "/", { from: "2001:db8::2" }), [429]);
  });

  it("gives a group of any size its limit in total", async () => {
    const { send } = throttled({ rate: "3/min", key: byHeader("x-group") });
    const answers = [];
    for (let member = 1; member <= 10; member++) {
      answers.push((await send("/", { from: `192.0.2.${member}`, headers: { "x-group": "blue" } })).status);
    }
    assertEquals(answers, [200, 200, 200, ...Array(7).fill(429)]);
  });

  it("with limit 0 refuses everything, says so and gives no time to wait", async () => {
    for (const [title, algorithm] of COUNTING) {
      const { send, served } = throttled({ rate: "0/min", algorithm });
      const { status, headers } = await send();
      assertEquals([status, headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining")], [
        429,
        "0",
        "0",
      ], title);
      assertEquals([headers.get("retry-after"), served.length], [null, 0], title);
    }
  });

  it("with rate null limits nothing, and is no part of the answer", async () => {
    const { send, events } = throttled([{ name: "free", rate: null }]);
    const { status, headers } = await send();
    assertEquals([status, headers.get("x-ratelimit-limit")], [200, null]);
    assertEquals(events.map(({ type, rule }) => [type, rule]), [["skipped", "free"], ["allowed", undefined]]);
  });

  it("skips a request for which its key is null; the others still apply", async () => {
    const { send } = throttled([
      { name: "key", rate: "1/min", key: byHeader("x-key") },
      { name: "ip", rate: "2/min" },
    ]);
    assertEquals((await send()).headers.get("x-ratelimit-limit"), "2");
    assertEquals((await send("/", { headers: { "x-key": "a" } })).headers.get("x-ratelimit-limit"), "1");
    assertEquals((await send("/", { headers: { "x-key": "b" } })).status, 429);
  });

  it("`unless` exempts, at once or later; a skipped request is charged nothing", async () => {
    const isStaff = ({ request }: { request: Request }) => request.headers.has("x-staff");
    for (const unless of [isStaff, async (context: { request: Request }) => await isStaff(context)]) {
      const { statuses } = throttled({ rate: "1/min", unless });
      assertEquals(await statuses(200, "/", { headers: { "x-staff": "1" } }), Array(200).fill(200));
      assertEquals(await statuses(2), [200, 429]);
    }
  });

  it("charges what the request costs, and lets a cheaper one pass after a refusal", async () => {
    const { send } = throttled({
      rate: "10/min",
      cost: ({ request }) => Number(request.headers.get("x-cost")),
    });
    const spend = async (cost: number) => {
      const { status, headers } = await send("/", { headers: { "x-cost": String(cost) } });
      return [status, headers.get("x-ratelimit-remaining")];
    };
    assertEquals(await spend(7), [200, "3"]);
    assertEquals(await spend(4), [429, "3"]);
    assertEquals(await spend(0), [200, "3"]);
    assertEquals(await spend(3), [200, "0"]);
    assertEquals(await spend(0), [200, "0"]);
  });

  it("a cost above the burst is refused by the rule: the store is only looked at, and no wait is sent", async () => {
    const asked: (readonly Check[])[] = [];
    const spends: (boolean | undefined)[] = [];
    const within = memoryStore();
    const store: Store = {
      ...within,
      decide: (checks, spend) => {
        asked.push(checks);
        spends.push(spend);
        return within.decide(checks, spend);
      },
    };
    for (const algorithm of [fixedWindow(), gcra({ burst: 9 }), slidingLog(), slidingWindow()]) {
      const { throttle } = throttled([{ name: "dear", rate: "9/min", cost: 10, algorithm }, "5/min"], {
        store,
      });
      const { allowed, decisions, response } = await throttle.check(requestTo());
      assertEquals(allowed, false);
      assertEquals(
        decisions.map(({ rule, source, retryAfterMs }) => [rule, source, retryAfterMs]),
        [["dear", "rule", Infinity], ["ip.5-per-1min", "store", 0]],
      );
      assertEquals([response?.status, response?.headers.get("retry-after")], [429, null]);
    }
    assertEquals(asked.map((checks) => checks.map(({ cost }) => cost)), Array(4).fill([0, 1]));
    assertEquals(spends, Array(4).fill(false));
  });

  const windows = [0.001, "1ms", "3ms", "500ms", 0.5, 1.001, "1min", "30day", "365day"];
  for (const [title, algorithm] of COUNTING) {
    it(`${title}: every window of at least 1 ms ends, any other is refused at construction`, async () => {
      for (const window of windows) {
        const { clock, throttle, statuses } = throttled({ name: "r", rate: { limit: 2, window }, algorithm });
        assertEquals(await statuses(3), [200, 200, 429], `${window}`);
        const { resetAfterMs } = await throttle.usage("r", SOMEBODY);
        assert(resetAfterMs >= 1 && resetAfterMs <= 1.1 * throttle.rules[0].windowMs! + 1, `${resetAfterMs}`);
        clock.now += resetAfterMs;
        assertEquals(await statuses(3), [200, 200, 429], `${window}`);
      }
      for (const window of [0, -1, 0.0004, NaN, Infinity, "0s", "0.5s", ""]) {
        assertThrows(() => createThrottle({ rate: { limit: 2, window }, algorithm }));
      }
    });
  }

  it("a burst of its own lets more or less than the limit pass at once", async () => {
    const { statuses } = throttled({ rate: "10/min", algorithm: gcra({ burst: 3 }) });
    assertEquals(await statuses(4), [200, 200, 200, 429]);
  });
});

describe("rules together", () => {
  it("three rules where one refuses: the others are unspent, whichever it is", async () => {
    for (const tight of [0, 1, 2]) {
      const rules = [0, 1, 2].map((i) => ({ name: `r${i}`, rate: i === tight ? "1/min" : "9/min" }));
      const { throttle, statuses } = throttled(rules);
      assertEquals(await statuses(5), [200, 429, 429, 429, 429]);
      assertEquals(await left(throttle), [0, 1, 2].map((i) => i === tight ? 0 : 8));
    }
  });

  it("a refused request leaves every counter unchanged, and a cheaper one passes", async () => {
    const cost = ({ request }: { request: Request }) => Number(request.headers.get("x-cost"));
    for (const [title, algorithm] of COUNTING) {
      const { throttle, send } = throttled([
        { name: "a", rate: "10/hour", algorithm, cost },
        { name: "b", rate: "100/hour", algorithm, cost },
      ]);
      await send("/", { headers: { "x-cost": "6" } });
      assertEquals((await send("/", { headers: { "x-cost": "5" } })).status, 429, title);
      assertEquals(await left(throttle), [4, 94], title);
      assertEquals((await send("/", { headers: { "x-cost": "4" } })).status, 200, title);
    }
  });

  it("any rules and requests: what is used is what was admitted, in every rule", async () => {
    const rule = fc.record({ limit: fc.integer({ min: 3, max: 9 }), cost: fc.integer({ min: 0, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(rule, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...COUNTING),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async (written, [, algorithm], late, count) => {
          const key = late ? async () => await SOMEBODY : () => SOMEBODY;
          const rules = written.map(({ limit, cost }, i): Rule => (
            { name: `r${i}`, rate: { limit, window: HOUR }, cost, algorithm, key }
          ));
          const { throttle, statuses } = throttled(rules);
          const passed = (await statuses(count)).filter((status) => status === 200).length;
          const most = Math.min(...written.map(({ limit, cost }) => Math.floor(limit / cost)));
          assertEquals(passed, Math.min(count, most));
          assertEquals(await left(throttle), written.map(({ limit, cost }) => limit - cost * passed));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("a refused request's decisions say who would have let it pass, uncharged", async () => {
    const { throttle } = throttled([{ name: "a", rate: "5/min" }, { name: "b", rate: "1/min" }]);
    await throttle.check(requestTo());
    const { decisions } = await throttle.check(requestTo());
    assertEquals(
      decisions.map(({ rule, allowed, remaining }) => ({ policy: rule, allowed, remaining })),
      [
        { policy: "a", allowed: true, remaining: 4 },
        { policy: "b", allowed: false, remaining: 0 },
      ],
    );
  });

  it("for all, for a group and for an endpoint are joined, and none replaces another", async () => {
    const { clock, send } = throttled([
      { name: "all", rate: "10/hour" },
      { name: "group", rate: "5/hour", on: "/api/*" },
      { name: "endpoint", rate: "1/min", on: "GET /api/items/:id" },
    ]);
    const answer = async (target: string) => {
      const { status, headers } = await send(target);
      return [status, headers.get("x-ratelimit-limit"), Number(headers.get("x-ratelimit-reset"))];
    };
    assertEquals(await answer("GET /api/items/1"), [200, "1", 60]);
    assertEquals(await answer("GET /api/items/2"), [429, "1", 60]);
    clock.now += 20_500;
    assertEquals(await answer("GET /api/items/1"), [429, "1", 40]);
    for (let i = 0; i < 4; i++) await send("POST /api/items/1");
    assertEquals(await answer("POST /api/items/1"), [429, "5", 3580]);
    for (let i = 0; i < 5; i++) assertEquals((await send("GET /other")).status, 200);
    assertEquals(await answer("GET /other"), [429, "10", 3580]);
    assertEquals(await answer("GET /other/"), [429, "10", 3580]);
  });

  it("a burst rule and a sustained one hold together", async () => {
    const { clock, statuses } = throttled(["3/s", "5/min"]);
    assertEquals(await statuses(4), [200, 200, 200, 429]);
    clock.now += 1000;
    assertEquals(await statuses(4), [200, 200, 429, 429]);
    clock.now += 1000;
    assertEquals(await statuses(1), [429]);
    clock.now = START + MINUTE;
    assertEquals(await statuses(4), [200, 200, 200, 429]);
  });

  it("404, 405, malformed JSON and oversized bodies are charged", async () => {
    const app = async (request: Request) => {
      if (new URL(request.url).pathname !== "/items") return new Response("not found", { status: 404 });
      if (request.method !== "POST") return new Response("not allowed", { status: 405 });
      const text = await request.text();
      if (text.length > 10) return new Response("too large", { status: 413 });
      try {
        return Response.json(JSON.parse(text));
      } catch {
        return new Response("malformed", { status: 400 });
      }
    };
    const { send } = throttled("4/min", {}, app);
    const answers = [
      await send("/nothing"),
      await send("/items"),
      await send("POST /items", { body: "{" }),
      await send("POST /items", { body: "x".repeat(11) }),
      await send("POST /items", { body: "{}" }),
    ];
    assertEquals(
      answers.map(({ status, headers }) => [status, headers.get("x-ratelimit-remaining")]),
      [[404, "3"], [405, "2"], [400, "1"], [413, "0"], [429, "0"]],
    );
  });

  it("a pattern that no request can match is refused, and a strange method warned of, at construction", () => {
    for (const on of ["items", "GET items", "/items?page=1", "https://api.example/items", "/a b%20", ""]) {
      assertThrows(() => createThrottle({ name: "r", rate: "1/min", on }), TypeError, 'Cannot use rule "r"');
    }
  });
});

describe("a rate from a function", () => {
  const tiers: Record<string, Rate | null> = { free: "1/min", pro: "3/min", staff: null };

  for (const later of [false, true]) {
    it(`is the request's own${later ? ", also when it comes later" : ""}; null limits nothing`, async () => {
      const rate = ({ request }: { request: Request }) => tiers[request.headers.get("x-tier") ?? "free"];
      const { statuses } = throttled({
        rate: later ? async (context) => await rate(context) : rate,
        key: byHeader("x-user"),
      });
      const as = (user: string, tier: string) => ({ headers: { "x-user": user, "x-tier": tier } });
      assertEquals(await statuses(2, "/", as("a", "free")), [200, 429]);
      assertEquals(await statuses(4, "/", as("b", "pro")), [200, 200, 200, 429]);
      assertEquals(await statuses(9, "/", as("c", "staff")), Array(9).fill(200));
    });
  }

  it("raised counts at once; lowered never leaves less than nothing, nor a refusal without a wait", async () => {
    for (const [title, algorithm] of COUNTING) {
      let limit = 2;
      const { send } = throttled({ rate: () => ({ limit, window: "1min" }), algorithm });
      const answer = async () => {
        const { status, headers } = await send();
        return {
          status,
          remaining: Number(headers.get("x-ratelimit-remaining")),
          retry: headers.get("retry-after"),
        };
      };
      await answer();
      await answer();
      assertEquals((await answer()).status, 429, title);
      limit = 4;
      assertEquals(await answer(), { status: 200, remaining: 1, retry: null }, title);
      limit = 1;
      const { status, remaining, retry } = await answer();
      assertEquals([status, remaining], [429, 0], title);
      assertMatch(retry ?? "", /^[1-9]\d*$/, title);
    }
  });

  const unusable: [string, Partial<Rule>][] = [
    ["limit NaN", { rate: () => ({ limit: NaN, window: 60 }) }],
    ["limit -1", { rate: () => ({ limit: -1, window: 60 }) }],
    ["limit 0.5", { rate: () => ({ limit: 0.5, window: 60 }) }],
    ["window 0", { rate: () => ({ limit: 1, window: 0 }) }],
    ["window NaN", { rate: () => ({ limit: 1, window: NaN }) }],
    ["window -1", { rate: () => ({ limit: 1, window: -1 }) }],
    ["window 1x", { rate: () => ({ limit: 1, window: "1x" }) }],
    ["no window", { rate: () => ({ limit: 1 }) }],
    ["text", { rate: () => "often" }],
    ["undefined", { rate: () => undefined as unknown as Rate }],
    ["later, limit Infinity", { rate: () => Promise.resolve({ limit: Infinity, window: 60 }) }],
    ["a window too long for its burst", {
      rate: () => ({ limit: 1e12, window: "365day" }),
      algorithm: gcra(),
    }],
    ["cost NaN", { rate: "5/min", cost: () => NaN }],
    ["cost -1", { rate: "5/min", cost: () => -1 }],
    ["cost 0.5", { rate: "5/min", cost: () => 0.5 }],
    ["cost 2^53", { rate: "5/min", cost: () => 2 ** 53 }],
    ["cost as text", { rate: "5/min", cost: () => "1" as unknown as number }],
    ["later, cost Infinity", { rate: "5/min", cost: () => Promise.resolve(Infinity) }],
  ];
  for (const [title, rule] of unusable) {
    it(`${title} refuses the request with 503 and tells observers what is wrong`, async () => {
      const { send, served, events, throttle } = throttled([
        { name: "dynamic", rate: null, ...rule },
        { name: "other", rate: "5/min" },
      ]);
      const { status, headers } = await send();
      assertEquals([status, headers.get("retry-after"), served.length], [503, "1", 0]);
      assertEquals([...headers.keys()].filter((name) => /ratelimit/.test(name)), []);
      assertEquals(events.map(({ type, rule }) => [type, rule]), [["error", "dynamic"], [
        "denied",
        "dynamic",
      ]]);
      assertStringIncludes(String(events[0].error), 'Cannot use rule "dynamic" as');
      assertEquals((await throttle.usage("other", SOMEBODY)).remaining, 5);
    });
  }
});

describe("a function that throws", () => {
  const fails = (): never => {
    throw new RangeError("mine");
  };
  const failsLater = async (): Promise<never> => {
    await null;
    throw new RangeError("mine");
  };
  const places: [string, (fails: () => never) => [Rule, ThrottleOptions]][] = [
    ["a key", (fails) => [{ name: "r", rate: "1/min", key: fails }, {}]],
    ["a rate", (fails) => [{ name: "r", rate: fails }, {}]],
    ["a cost", (fails) => [{ name: "r", rate: "1/min", cost: fails }, {}]],
    ["unless", (fails) => [{ name: "r", rate: "1/min", unless: fails }, {}]],
    ["authenticate", (fails) => [{ name: "r", rate: "1/min" }, { authenticate: fails }]],
  ];
  for (const [title, place] of places) {
    for (const fail of [fails, failsLater as unknown as typeof fails]) {
      it(`in ${title}${fail === fails ? "" : ", later,"} is that error, not a failure of the store`, async () => {
        const [rule, options] = place(fail);
        const { send, served, events } = throttled(rule, { onStoreFailure: "allow", ...options });
        await assertRejects(async () => await send(), RangeError, "mine");
        assertEquals(served.length, 0);
        assertEquals(events.map(({ type, error }) => [type, String(error)]), [["error", "RangeError: mine"]]);
      });
    }
  }

  it("one error is thrown when several throw, and none is left without a handler", async () => {
    const { send } = throttled([{ rate: "1/min", key: failsLater }, { rate: "1/min", key: fails }]);
    await assertRejects(async () => await send(), RangeError, "mine");
    await pause(5);
  });

  it("a missing address is an error that says what to set; or the rule skips; or refuses", async () => {
    const nowhere = { client: { address: () => null } };
    await assertRejects(
      async () => await throttled("1/min", nowhere).send(),
      TypeError,
      "Cannot throttle by address as client.address returned no address. ",
    );
    const skipping = throttled({ rate: "1/min", key: byIp({ onMissing: "skip" }) }, nowhere);
    assertEquals(await skipping.statuses(3), [200, 200, 200]);
    assertEquals(skipping.events[0].type, "skipped");
    const denying = throttled({ rate: "1/min", key: byIp({ onMissing: "deny" }) }, nowhere);
    assertEquals(await denying.statuses(2), [429, 429]);
    assertEquals(denying.events.map(({ type }) => type), ["denied", "denied"]);
  });

  it("a missing address under a rate that nobody asked for is refused without a number", async () => {
    const rule = { name: "plan", rate: () => "5/min", key: byIp({ onMissing: "deny" }) };
    const nowhere = { client: { address: () => null }, headers: [xRateLimit(), rateLimit(), retryAfter()] };
    const { send } = throttled([rule, { name: "all", rate: "9/min", key: byGlobal() }], nowhere);
    const { status, headers } = await send();
    const shown = [...headers.keys()].filter((name) => /ratelimit|retry/.test(name));
    assertEquals([status, shown], [429, []]);
  });

  it("a key that is neither text nor null is an error, never a bucket for strangers", async () => {
    for (const key of [undefined, 7, {}, NaN]) {
      const { send } = throttled({ name: "r", rate: "1/min", key: () => key as string });
      await assertRejects(async () => await send(), TypeError, "its key must give a string or null");
    }
  });

  it("a `reject` that gives no response lets nothing pass", async () => {
    for (const reject of [() => undefined, () => null, () => Promise.resolve("no")]) {
      const { send, served } = throttled("0/min", { reject: reject as unknown as () => Response });
      for (const target of ["/", "HEAD /"]) {
        await assertRejects(async () => await send(target), TypeError, "reject must give a Response");
      }
      assertEquals(served.length, 0);
    }
  });
});

describe("requests that are not like the others", () => {
  const preflight = { headers: { origin: "https://app.example", "access-control-request-method": "PUT" } };

  it("a preflight is never refused, counted or labelled, and asks nobody who it is", async () => {
    let asked = 0;
    const { send, throttle, events, served } = throttled("0/min", { authenticate: () => (asked++, null) });
    const { status, headers } = await send("OPTIONS /", preflight);
    assertEquals([status, headers.get("x-ratelimit-limit"), asked], [200, null, 0]);
    const outcome = await throttle.check(requestTo("OPTIONS /", preflight));
    assertEquals([outcome.allowed, outcome.decisions.length, outcome.response], [true, 0, null]);
    assertEquals(outcome.label(new Response()).headers.get("x-ratelimit-limit"), null);
    assertEquals(await throttle.peek(requestTo("OPTIONS /", preflight)), []);
    assertEquals([events.length, served.length], [0, 1]);
  });

  it("a preflight is limited by a rule that names OPTIONS, before anybody is asked who it is", async () => {
    let asked = 0;
    const { statuses, send, throttle, served } = throttled([
      { name: "named", rate: "2/min", on: "OPTIONS /a" },
      { name: "others", rate: "1/min" },
    ], { authenticate: () => (asked++, new Response(null, { status: 401 })) });
    const decided = (decisions: readonly Decision[]) => decisions.map(({ limit }) => limit);
    assertEquals(decided(await throttle.peek(requestTo("OPTIONS /a", preflight))), [2]);
    assertEquals(decided((await throttle.check(requestTo("OPTIONS /a", preflight))).decisions), [2]);
    assertEquals(await statuses(2, "OPTIONS /A/", preflight), [200, 429]);
    assertEquals((await send("OPTIONS /b", preflight)).headers.get("x-ratelimit-limit"), null);
    assertEquals([served.length, asked], [2, 0]);
  });

  it("any other OPTIONS request counts", async () => {
    const { statuses } = throttled("1/min");
    assertEquals(await statuses(1, "OPTIONS /"), [200]);
    assertEquals(await statuses(1, "OPTIONS /", { headers: { origin: "https://app.example" } }), [429]);
    assertEquals(await statuses(1, "POST /", preflight), [429]);
  });

  it("HEAD is charged and answered as GET is, without the content", async () => {
    const { send } = throttled({ rate: "2/min", on: "GET /items" });
    assertEquals((await send("HEAD /items")).headers.get("x-ratelimit-remaining"), "1");
    assertEquals((await send("GET /items")).headers.get("x-ratelimit-remaining"), "0");
    const [get, head] = [await send("GET /items"), await send("HEAD /items")];
    assertEquals([get.status, head.status], [429, 429]);
    assertEquals([...head.headers], [...get.headers]);
    assertEquals(await head.text(), "");
    assertEquals((await send("POST /items")).status, 200);
  });

  it("the same Request object again is charged again, whatever became of it before", async () => {
    let failing = true;
    const { send, throttle } = throttled({ name: "r", rate: "3/min" }, {}, (request) => {
      if (failing) throw new Error("once");
      return new Response(throttleOf(request)!.decisions.map(({ remaining }) => remaining).join());
    });
    const request = requestTo();
    await assertRejects(async () => await send(request), Error, "once");
    failing = false;
    assertEquals(await (await send(request)).text(), "1");
    assertEquals(await (await send(request)).text(), "0");
    assertEquals((await send(request)).status, 429);
    assertEquals(await left(throttle), [0]);
  });
});

describe("interleaved requests", () => {
  const wait = (turns: number): Promise<void> =>
    turns === 0 ? Promise.resolve() : Promise.resolve().then(() => wait(turns - 1));

  it("of different keys get what they get alone, wherever they wait", async () => {
    const request = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      cost: fc.integer({ min: 0, max: 3 }),
      turns: fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)),
    });
    type Sent = { key: string; cost: number; turns: [number, number, number] };
    const answers = async (requests: readonly Sent[], atOnce: boolean) => {
      const order: [string, number, boolean, number][] = [];
      const sent = new Map<Request, Sent>();
      const at = ({ request }: { request: Request }) => sent.get(request)!;
      const { throttle } = throttled([
        {
          name: "one",
          rate: "4/min",
          key: async (context) => (await wait(at(context).turns[0]), at(context).key),
          cost: async (context) => (await wait(at(context).turns[1]), at(context).cost),
        },
        {
          name: "two",
          rate: "3/min",
          key: (context) => at(context).key,
          cost: (context) => at(context).cost,
        },
      ]);
      const send = async (what: Sent) => {
        const request = requestTo();
        sent.set(request, what);
        const { allowed, decisions } = await throttle.check(request);
        order.push([what.key, what.cost, allowed, decisions[1].remaining]);
      };
      if (atOnce) await Promise.all(requests.map(send));
      else for (const what of requests) await send(what);
      return order;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 12 }), async (requests) => {
        const together = await answers(requests, true);
        for (const key of ["a", "b", "c"]) {
          // In the order in which they were decided, each key alone.
          const own = together.filter(([its]) => its === key);
          const alone = await answers(own.map(([key, cost]) => ({ key, cost, turns: [0, 0, 0] })), false);
          assertEquals(own, alone);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("5,000 at once at limit 100 with keys that come later: exactly 100 pass", async () => {
    const { throttle } = throttled([{ rate: "100/min", key: async () => (await wait(3), "all") }, "200/min"]);
    const outcomes = await Promise.all(Array.from({ length: 5000 }, () => throttle.check(requestTo())));
    assertEquals(outcomes.filter(({ allowed }) => allowed).length, 100);
  });
});

describe("answers, end to end", () => {
  it("429, application/json and 59 bytes with detailJson()", async () => {
    const { send } = throttled("1/min", { reject: detailJson() });
    await send();
    const refused = await send();
    const body = await refused.text();
    assertEquals([refused.status, body.length], [429, 59]);
    assertEquals(body, '{"detail":[{"msg":"Too many requests","type":"ratelimit"}]}');
    assertMatch(refused.headers.get("content-type") ?? "", /^application\/json/);
  });

  it('limit, remaining, reset and wait are sent on a denial, counting down; none on success under sendHeaders "denied"', async () => {
    const { clock, send } = throttled("1/min", { sendHeaders: "denied" });
    const told = ({ headers }: Response) =>
      ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"].map((name) =>
        headers.get(name)
      );
    assertEquals(told(await send()), [null, null, null, null]);
    assertEquals(told(await send()), ["1", "0", "60", "60"]);
    clock.now += 1000;
    assertEquals(told(await send()), ["1", "0", "59", "59"]);
    clock.now += 1;
    assertEquals(told(await send()), ["1", "0", "59", "59"]);
  });

  it("errorJson() tells the rule and the wait, and Retry-After the same wait", async () => {
    const { send, clock } = throttled({ name: "login", rate: "100/hour" }, { reject: errorJson() });
    for (let i = 0; i < 100; i++) assertEquals((await send()).status, 200);
    clock.now += 1500;
    const refused = await send();
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "3599"]);
    const { error, message, details } = await refused.json();
    assertEquals([error, message], ["rate_limit_exceeded", "Too many requests. Please slow down."]);
    assertEquals([details.throttle_type, details.retry_after_seconds], ["login", 3599]);
  });

  it("the three headers are on every answer of the API, and never negative", async () => {
    const { send } = throttled({ rate: "2/min", on: "/api/*" });
    const remaining = async (target: string) => (await send(target)).headers.get("x-ratelimit-remaining");
    assertEquals(await remaining("/api/a"), "1");
    assertEquals(await remaining("/api/b"), "0");
    assertEquals(await remaining("/api/c"), "0");
    assertEquals(await remaining("/about"), null);
  });

  it("five logins that failed, and the sixth is refused though the password is right", async () => {
    const { send } = throttled(
      { rate: "5/15min", on: "POST /login", count: "failures" },
      {},
      async (request) => {
        return new Response(null, { status: await request.text() === "right" ? 204 : 401 });
      },
    );
    const login = async (body: string) => (await send("POST /login", { body })).status;
    for (let i = 0; i < 20; i++) assertEquals(await login("right"), 204);
    for (let i = 0; i < 5; i++) assertEquals(await login("wrong"), 401);
    assertEquals(await login("right"), 429);
  });
});

describe("a refusal without a wait that is a number", () => {
  it("is sent as a refusal all the same: with the rule that refuses, and no Retry-After", async () => {
    const algorithm: Algorithm = {
      step: () => ({
        ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: NaN },
        ...{ state: null, ttlMs: 0 },
      }),
    };
    const { response } = await createThrottle(
      [{ name: "odd", rate: "5/min", algorithm }, { name: "even", rate: "5/min" }],
      { client: { address: () => "192.0.2.1" }, headers: [rateLimit(), retryAfter()] },
    ).check(new Request("https://example.com/"));
    assertEquals(response?.status, 429);
    assert(response?.headers.get("ratelimit")?.startsWith('"odd";r=0'));
    assertFalse(response?.headers.get("ratelimit")?.includes("even"));
    assertFalse(response?.headers.has("retry-after"));
  });
});

describe("a store of one's own", () => {
  it("may copy a check to give it another key: all that a check says is there", async () => {
    const inner = memoryStore();
    const moved = (check: Check): Check => ({ ...check, key: `elsewhere:${check.key}` });
    const store: Store = {
      shared: false,
      decide: (checks, spend) => inner.decide(checks.map(moved), spend),
    };
    const throttle = createThrottle("2/min", { store, client: { address: () => "192.0.2.1" } });
    const request = new Request("https://example.com/");
    const verdicts: boolean[] = [];
    for (let i = 0; i < 3; i++) verdicts.push((await throttle.check(request)).allowed);
    assertEquals(verdicts, [true, true, false]);
  });
});
