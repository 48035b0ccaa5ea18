import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import {
  byGlobal,
  byHeader,
  byUser,
  concurrency,
  createThrottle,
  type Decision,
  fixedWindow,
  gcra,
  type Outcome,
  rateLimit,
  retryAfter,
  type Rule,
  slidingLog,
  slidingWindow,
  type Throttle,
  throttleOf,
  type ThrottleOptions,
  xRateLimit,
} from "../../mod.ts";
import { CLIENTS } from "../harness/clients.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { client, requestTo, START, throttled } from "../harness/throttled.ts";
import { CLOCKED_STORES, type ClockedStore } from "../harness/clocked_stores.ts";
import { tokenUsage } from "../../src/tokens/mod.ts";
import { until } from "../harness/until.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";

/** A request, after so many ms. */
interface Sent {
  readonly afterMs: number;
  readonly from: string;
  readonly cost: number;
}

const TIMED = [fixedWindow(), gcra(), gcra({ burst: 2 }), slidingLog(), slidingWindow({ slots: 4 })];
const byCost = ({ request }: { request: Request }) => Number(request.headers.get("x-cost"));

const sent: fc.Arbitrary<Sent> = fc.record({
  afterMs: fc.constantFrom(0, 0, 0, 1, 200, 1000, 3000),
  from: fc.constantFrom("192.0.2.1", "192.0.2.2"),
  cost: fc.constantFrom(0, 1, 1, 1, 2, 5),
});
const quota = fc.record({
  rate: fc.tuple(fc.constantFrom(0, 1, 2, 3, 4, 6), fc.constantFrom("1s", "2s")).map(([limit, window]) => ({
    limit,
    window,
  })),
  algorithm: fc.constantFrom(...TIMED),
});
const isBlocked = fc.constantFrom(false, false, true);
const live: fc.Arbitrary<Rule> = fc.tuple(quota, isBlocked).map(([own, blocks]) => ({
  ...{ name: "api", cost: byCost, ...own },
  ...blocks ? { block: { after: 2, window: "5s", for: "3s" } } : {},
}));
/** The members that a trial changes: any of them. */
const trial = fc.tuple(
  quota,
  fc.subarray(["rate", "algorithm"] as const),
  fc.constantFrom({}, {}, { key: byGlobal() }, { cost: 1 }),
).map(([{ rate, algorithm }, parts, more]) => ({
  ...parts.includes("rate") ? { rate } : {},
  ...parts.includes("algorithm") ? { algorithm } : {},
  ...more,
}));

const requestOf = ({ from, cost }: Sent): Request =>
  requestTo("/", { from, headers: { "x-cost": String(cost) } });
const isOfTrial = ({ trialOf }: Decision): boolean => trialOf !== undefined;
const ofRules = ({ decisions }: Outcome): Decision[] => decisions.filter((one) => !isOfTrial(one));
/** A decision without the members by which a trial differs from a rule. */
function numbers({ rule: _rule, mode: _mode, trialOf: _trialOf, ...rest }: Decision) {
  return rest;
}

for (const { name, skip = false, isSlow, start } of CLOCKED_STORES) {
  describe(`a trial on ${name}`, { skip }, () => {
    const numRuns = isSlow ? 25 : 300;
    let clocked: ClockedStore;
    before(async () => void (clocked = await start()));
    after(() => clocked.close());

    const open = (rules: readonly Rule[], options: ThrottleOptions = {}): Throttle =>
      createThrottle(rules, { client, store: clocked.open(), ...options });

    it("is charged by the calendar too where its rule refuses", async () => {
      await clocked.setTime(START);
      const throttle = open([{ name: "by-month", rate: "1/min", trial: "2/month" }]);
      const answers: string[] = [];
      for (let i = 0; i < 4; i++) {
        const { decisions: [rule, trial] } = await throttle.check(requestTo());
        answers.push(`${rule.allowed} ${trial.allowed} ${trial.remaining}`);
      }
      assertEquals(answers, ["true true 1", "false true 0", "false false 0", "false false 0"]);
    });

    it("changes no decision, header or status of the rules", async () => {
      const other = fc.tuple(quota, fc.boolean()).map(([own, comes]): Rule[] =>
        comes ? [{ ...own, name: "other" }] : []
      );
      let now = START;
      await fc.assert(
        fc.asyncProperty(
          live,
          trial,
          other,
          fc.array(sent, { maxLength: 14 }),
          async (rule, trial, others, list) => {
            const headers = [xRateLimit(), rateLimit(), retryAfter()];
            const plain = open([rule, ...others], { headers });
            const tried = open([{ ...rule, trial }, ...others], { headers });
            for (const one of list) {
              await clocked.setTime(now += one.afterMs);
              const [without, withTrial] = [
                await plain.check(requestOf(one)),
                await tried.check(requestOf(one)),
              ];
              assertEquals(ofRules(withTrial), [...without.decisions]);
              assertEquals([...withTrial.headers], [...without.headers]);
              assertEquals(withTrial.response?.status, without.response?.status);
            }
            now += 100_000;
          },
        ),
        { numRuns },
      );
    });

    it("decides as its rule would alone, whatever the live rule decides", async () => {
      let now = START;
      let different = 0;
      await fc.assert(
        fc.asyncProperty(live, trial, fc.array(sent, { maxLength: 14 }), async (rule, trial, list) => {
          const alone = open([{ ...rule, ...trial }]);
          const tried = open([{ ...rule, trial }]);
          for (const one of list) {
            await clocked.setTime(now += one.afterMs);
            const [expected] = (await alone.check(requestOf(one))).decisions;
            const { decisions } = await tried.check(requestOf(one));
            const [own] = decisions.filter(isOfTrial);
            assertEquals([own.rule, own.mode, own.trialOf], ["api+trial", "shadow", "api"]);
            assertEquals(numbers(own), numbers(expected));
            if (own.allowed !== decisions[0].allowed) different++;
          }
          now += 100_000;
        }),
        { numRuns },
      );
      assert(isSlow || different > numRuns / 5, `${different} verdicts differed`);
    });

    it("is charged where its rule alone refuses, and not where another rule does", async () => {
      await clocked.setTime(START);
      const allowed = async (throttle: Throttle) =>
        (await throttle.check(requestTo())).decisions.map(({ allowed }) => allowed);
      const looser = open([{ name: "api", rate: "1/min", trial: "2/min" }, { name: "other", rate: "9/min" }]);
      assertEquals(await allowed(looser), [true, true, true]);
      assertEquals(await allowed(looser), [false, true, true]);
      assertEquals(await allowed(looser), [false, false, true]);

      const beside = open([{ name: "api", rate: "9/min", trial: "2/min" }, { name: "other", rate: "1/min" }]);
      assertEquals(await allowed(beside), [true, true, true]);
      for (let i = 0; i < 3; i++) assertEquals(await allowed(beside), [true, true, false]);

      const both = open([{ name: "api", rate: "1/min", trial: "2/min" }, { name: "other", rate: "1/min" }]);
      assertEquals(await allowed(both), [true, true, true]);
      for (let i = 0; i < 3; i++) assertEquals(await allowed(both), [false, true, false]);
    });

    it("of a rule whose burst a cost is above is charged as its own burst allows, unless another rule refuses", async () => {
      await clocked.setTime(START);
      for (const limit of [0, 3]) {
        const rule: Rule = { name: "api", rate: { limit, window: "1h" }, cost: 4, trial: "10/h" };
        const allowed = async (throttle: Throttle) => {
          const { decisions } = await throttle.check(requestTo());
          return [decisions.find(isOfTrial)?.allowed, decisions.find(isOfTrial)?.remaining];
        };
        const alone = open([rule]);
        assertEquals(await allowed(alone), [true, 6]);
        assertEquals(await allowed(alone), [true, 2]);
        assertEquals(await allowed(alone), [false, 2]);
        const beside = open([rule, { name: "other", rate: "1/h", cost: 0 }]);
        assertEquals(await allowed(beside), [true, 6]);
        const refused = open([rule, { name: "other", rate: "1/h", cost: 2 }]);
        for (let i = 0; i < 3; i++) assertEquals(await allowed(refused), [true, 10]);
      }
    });
  });
}

describe("a trial", () => {
  it("is one more rule of the throttle, behind its own, in shadow mode", () => {
    const { rules } = createThrottle([
      {
        name: "api",
        rate: "60/min",
        trial: "30/min",
        on: "/api/*",
        block: { after: 3, window: "1min", for: "1h" },
      },
      { rate: "5/min", trial: { algorithm: gcra() } },
    ]);
    assertEquals(
      rules.map(({ name, trialOf, mode, limit, algorithm }) => [name, trialOf, mode, limit, algorithm]),
      [
        ["api", undefined, "enforce", 60, "fixed-window"],
        ["api+trial", "api", "shadow", 30, "fixed-window"],
        ["ip.5-per-1min", undefined, "enforce", 5, "fixed-window"],
        ["ip.5-per-1min+trial", "ip.5-per-1min", "shadow", 5, "gcra"],
      ],
    );
    assertEquals(rules[1].on, rules[0].on);
    assertEquals(rules[1].implementation.form, rules[0].implementation.form);
    assertEquals(rules[1].key.keyName, rules[0].key.keyName);
    assertEquals(createThrottle({ rate: "5/min", trial: null }).rules.length, 1);
  });

  it("has the members of its rule where its own are undefined", () => {
    const rule = { rate: "5/min", key: byGlobal(), algorithm: gcra({ burst: 2 }) };
    const trial = { rate: "3/min", key: undefined, algorithm: undefined, cost: undefined, block: undefined };
    const [, tried] = createThrottle({ ...rule, trial } as unknown as Rule).rules;
    assertEquals([tried.limit, tried.key, tried.implementation], [3, rule.key, rule.algorithm]);
  });

  it("has a name that no rule can be given", () => {
    const rules: Rule[] = [{ name: "api", rate: "60/min", trial: "30/min" }, {
      name: "api+trial",
      rate: "60/min",
    }];
    assertThrows(() => createThrottle(rules), TypeError, "its name must match");
  });

  it("that cannot be used is refused in a sentence", () => {
    const refused: readonly (readonly [trial: unknown, text: string])[] = [
      ["often", 'Cannot use the trial of rule "api" as rate must be'],
      [5, 'Cannot use the trial of rule "api" as rate must be'],
      ["", 'Cannot use the trial of rule "api" as rate must be'],
      [false, 'Cannot use the trial of rule "api" as rate must be'],
      [NaN, 'Cannot use the trial of rule "api" as rate must be'],
      [
        { limits: 5 },
        'Cannot use the trial of rule "api" as it takes no option but rate, algorithm, key, cost, block: ' +
        'current value is "limits"',
      ],
      // These are its rule's, for both.
      [{ rate: "5/min", mode: "enforce" }, 'but rate, algorithm, key, cost, block: current value is "mode"'],
      [{ rate: "5/min", on: "/login" }, 'but rate, algorithm, key, cost, block: current value is "on"'],
      [{ cost: -1 }, 'Cannot use the trial of rule "api" as cost must be'],
      [
        { algorithm: concurrency({ lease: "1min" }) },
        'Cannot use the trial of rule "api" as rate must be { limit } alone',
      ],
    ];
    for (const [trial, text] of refused) {
      assertThrows(
        () => createThrottle({ name: "api", rate: "60/min", trial: trial as string }),
        Error,
        text,
      );
    }
  });

  it("is decided with its rule, or after authentication where its key needs an identity", () => {
    const stages = (rule: Rule) =>
      createThrottle(rule, { authenticate: () => null }).rules.map(({ stage }) => stage);
    assertEquals(stages({ rate: "1/min", trial: { key: byUser() } }), ["before-auth", "after-auth"]);
    assertEquals(stages({ rate: "1/min", key: byUser(), trial: { key: byGlobal() } }), [
      "after-auth",
      "after-auth",
    ]);
    assertEquals(stages({ rate: "1/min", stage: "after-auth", trial: "2/min" }), [
      "after-auth",
      "after-auth",
    ]);
  });

  it("by a user sees the requests that its rule by address lets through", async () => {
    const { send, events } = throttled({
      name: "api",
      rate: "2/min",
      trial: { rate: "1/min", key: byUser() },
    }, {
      authenticate: () => ({ id: "ada" }),
    });
    for (let i = 0; i < 3; i++) await send();
    const verdicts = events.filter(({ type }) => type === "allowed" || type === "denied");
    assertEquals(verdicts.map(({ decisions }) => decisions.map(({ allowed }) => allowed)), [
      [true, true],
      [true, false],
      [false],
    ]);
  });

  it("runs the functions of its rule once more, and its own instead of them", async () => {
    const calls: string[] = [];
    const noted = <T>(name: string, value: T) => (): T => {
      calls.push(name);
      return value;
    };
    const rule = {
      name: "api",
      rate: noted("rate", "9/min"),
      key: noted("key", "somebody"),
      cost: noted("cost", 2),
    };
    await throttled([{ ...rule, trial: {} }]).send();
    assertEquals(calls.toSorted(), ["cost", "cost", "key", "key", "rate", "rate"]);
    calls.length = 0;
    await throttled([{ ...rule, trial: { key: noted("own key", "x"), cost: noted("own cost", 1) } }]).send();
    assertEquals(calls.toSorted(), ["cost", "key", "own cost", "own key", "rate", "rate"]);
  });

  it("whose own function throws leaves the request out, and observers hear of it", async () => {
    for (const part of ["key", "cost", "rate"]) {
      const trial = { [part]: () => Promise.reject(new Error("broken")) };
      const { statuses, events } = throttled({ name: "api", rate: "1/min", trial });
      assertEquals(await statuses(2), [200, 429]);
      assertEquals(events.filter(({ type }) => type === "error").map(({ rule }) => rule), [
        "api+trial",
        "api+trial",
      ]);
      const verdicts = events.filter(({ type }) => type === "allowed" || type === "denied");
      assertEquals(verdicts.map(({ decisions }) => decisions.length), [1, 1]);
    }
  });

  it("limits what its rule leaves unlimited", async () => {
    const { statuses, events } = throttled({ name: "api", rate: null, trial: "1/min" });
    assertEquals(await statuses(2), [200, 200]);
    assertEquals(events.filter(({ type }) => type === "shadow-denied").map(({ rule }) => rule), [
      "api+trial",
    ]);
  });

  it("leaves out what its rule leaves out, by unless or by a key of null", async () => {
    for (const part of [{ unless: () => true }, { key: () => null }]) {
      const { throttle } = throttled({ name: "api", rate: "1/min", trial: "2/min", ...part });
      assertEquals((await throttle.check(requestTo())).decisions, []);
    }
  });

  it("settles with its rule, by the same cost", async () => {
    const rule: Rule = { name: "tokens", rate: "100/min", cost: 10, trial: { rate: "50/min" } };
    const { throttle, send } = throttled(rule, {}, async (request) => {
      await throttleOf(request as Request)?.settle("tokens", 30);
      return new Response("answer");
    });
    await send();
    const left = async (name: string) => (await throttle.usage(name, "192.0.2.1")).remaining;
    assertEquals([await left("tokens"), await left("tokens+trial")], [70, 20]);
  });

  it("tells a cost that learns of each request once, but one of its own too", async () => {
    const learned = (told: number[]) =>
      Object.assign(() => 5, { settled: (_context: unknown, cost: number) => void told.push(cost) });
    const [ofRule, ofTrial]: [number[], number[]] = [[], []];
    const cost = learned(ofRule);
    for (const trial of ["50/min", { cost: learned(ofTrial) }]) {
      const rule: Rule = { name: "tokens", rate: "100/min", cost, trial };
      await throttled(rule, {}, async (request) => {
        await throttleOf(request as Request)?.settle("tokens", 30);
        return new Response("answer");
      }).send();
    }
    assertEquals([ofRule, ofTrial], [[30, 30], [30]]);
  });

  it("is settled by the body of the answer, which arrives whole", async () => {
    const rule: Rule = { name: "tokens", rate: "1000/min", cost: 500, count: tokenUsage(), trial: "900/min" };
    const answer = { usage: { prompt_tokens: 20, completion_tokens: 100 } };
    const { throttle, send } = throttled(rule, {}, () => Response.json(answer));
    assertEquals(await (await send()).json(), answer);
    await until(async () => (await throttle.usage("tokens+trial", "192.0.2.1")).remaining === 780);
    assertEquals((await throttle.usage("tokens", "192.0.2.1")).remaining, 880);
  });

  it("counts failures as its rule does", async () => {
    const rule: Rule = { name: "login", rate: "5/min", count: "failures", trial: "3/min" };
    const { throttle, send } = throttled(
      rule,
      {},
      (request) => new Response(null, { status: (request as Request).url.endsWith("bad") ? 401 : 200 }),
    );
    for (const path of ["/good", "/bad", "/good"]) await send(path);
    const left = async (name: string) => (await throttle.usage(name, "192.0.2.1")).remaining;
    assertEquals([await left("login"), await left("login+trial")], [4, 2]);
  });

  it("holds slots of its own, and frees them at the response's end or where its rule refuses", async () => {
    const rule: Rule = {
      name: "jobs",
      rate: { limit: 1 },
      algorithm: concurrency({ lease: "1min" }),
      trial: { rate: { limit: 2 } },
    };
    const ends: (() => void)[] = [];
    const { throttle, send } = throttled(
      rule,
      {},
      () => new Promise<Response>((resolve) => ends.push(() => resolve(new Response(null)))),
    );
    const left = async (name: string) => (await throttle.usage(name, "192.0.2.1")).remaining;
    const first = send();
    await null;
    assertEquals((await send()).status, 429);
    assertEquals([await left("jobs"), await left("jobs+trial")], [0, 1]);
    ends[0]();
    await first;
    assertEquals([await left("jobs"), await left("jobs+trial")], [1, 2]);
  });

  it("is looked up and reset by its own name", async () => {
    const { throttle, send } = throttled({ name: "api", rate: "9/min", trial: "5/min" });
    await send();
    await throttle.reset("api", "192.0.2.1");
    assertEquals((await throttle.peek(requestTo())).map(({ remaining }) => remaining), [9, 4]);
    await throttle.reset("api+trial", requestTo());
    assertEquals((await throttle.usage("api+trial", "192.0.2.1")).remaining, 5);
  });

  it("is in the body of no refusal, and in decisions, peeks and events with trialOf", async () => {
    const { throttle, send, events } = throttled({ name: "api", rate: "1/min", trial: "1/min" });
    await send();
    const body = await (await send()).text();
    assert(!body.includes("trial"), body);
    const peeked = await throttle.peek(requestTo());
    assertEquals(peeked.map(({ trialOf }) => trialOf), [undefined, "api"]);
    const [shadow] = events.filter(({ type }) => type === "shadow-denied");
    assertEquals([shadow.rule, shadow.decisions[0].trialOf, shadow.decisions[0].mode], [
      "api+trial",
      "api",
      "shadow",
    ]);
    const refusals = events.filter(({ type }) => type === "denied");
    assertEquals(refusals.map(({ rule, decisions }) => [rule, decisions.length]), [["api", 2]]);
  });

  it("keeps its own policy where the store fails", async () => {
    const failing = {
      shared: true,
      decide: () => Promise.reject(new Error("gone")),
    };
    for (
      const [onStoreFailure, statuses, trials] of [
        ["local", [200, 200, 429], [true, false, false]],
        ["allow", [200, 200, 200], [true, true, true]],
        ["deny", [503, 503, 503], [false, false, false]],
      ] as const
    ) {
      const options = { client, store: failing, onStoreFailure };
      const throttle = createThrottle({ name: "api", rate: "2/min", trial: "1/min" }, options);
      const outcomes = [];
      for (let i = 0; i < 3; i++) outcomes.push(await throttle.check(requestTo()));
      assertEquals(outcomes.map(({ response }) => response?.status ?? 200), [...statuses]);
      assertEquals(outcomes.map(({ decisions }) => decisions[1].allowed), [...trials]);
    }
  });
});

describe("a trial on Redis", { skip: withoutRedis }, () => {
  let redis: Redis;
  before(async () => void (redis = await startRedis()));
  after(() => redis.stop());

  /** Sends requests; gives their statuses, the verdicts of trials, and the scripts that Redis ran for them. */
  async function traffic(rule: Rule, requests: number, options: { lease?: number } = {}) {
    const { client: its, close } = await CLIENTS[0].open(redis);
    await redis.command("FLUSHALL");
    const store = redisStore({ client: its, timeoutMs: 10_000, ...options });
    const throttle = createThrottle(rule, { client, store });
    const handler = throttle.wrap((request: Request) => {
      throttleOf(request)?.settle("api", 1);
      return new Response("hello");
    });
    await throttle.peek(requestTo());
    await redis.command("CONFIG", "RESETSTAT");
    const statuses: number[] = [];
    for (let i = 0; i < requests; i++) statuses.push((await handler(requestTo())).status);
    const text = String(await redis.command("INFO", "commandstats"));
    const scripts = [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
    await close();
    return { statuses, scripts };
  }

  it("sends no command more than its rule alone, for requests that pass, are refused, and are settled", async () => {
    for (const algorithm of [fixedWindow(), gcra({ burst: 6 }), slidingLog()]) {
      for (const cost of [1, 2]) {
        const rule: Rule = { name: "api", rate: "12/hour", algorithm, cost };
        const plain = await traffic(rule, 20);
        const tried = await traffic({ ...rule, trial: "6/hour" }, 20);
        assertEquals(tried, plain);
        assert(plain.statuses.includes(429) && plain.scripts > 6);
      }
    }
  });

  it("asks for a request that its rule alone is known to refuse, until the trial refuses as well", async () => {
    const rule: Rule = { name: "api", rate: "2/hour" };
    const plain = await traffic(rule, 20);
    const tried = await traffic({ ...rule, trial: "5/hour" }, 20);
    assertEquals(tried.statuses, plain.statuses);
    // Two that pass and one refusal; then three more that the trial lets pass, and its first refusal.
    assertEquals([plain.scripts, tried.scripts], [3, 6]);
  });

  it("decides the same behind a deny cache as without one", async () => {
    const { client: its, close } = await CLIENTS[0].open(redis);
    const rule: Rule = { name: "api", rate: "2/hour", trial: { rate: "4/hour" } };
    const seen: unknown[] = [];
    for (const denyCache of [true, false]) {
      const store = redisStore({ client: its, timeoutMs: 10_000, denyCache, prefix: `cache-${denyCache}` });
      const throttle = createThrottle([rule, { name: "other", rate: "9/hour" }], { client, store });
      const verdicts = [];
      for (let i = 0; i < 8; i++) {
        const { decisions } = await throttle.check(requestTo());
        verdicts.push(
          decisions.slice(0, 2).map(({ rule, allowed, remaining }) => [rule, allowed, remaining]),
        );
      }
      seen.push(verdicts);
    }
    assertEquals(seen[0], seen[1]);
    await close();
  });

  it("takes no units ahead, and decides the same", async () => {
    const rule: Rule = { name: "api", rate: "9/hour", trial: "4/hour" };
    assertEquals((await traffic(rule, 12, { lease: 5 })).statuses, [
      ...Array.from({ length: 9 }, () => 200),
      ...Array.from({ length: 3 }, () => 429),
    ]);
  });

  it("by a header counts by it, in the same call", async () => {
    const rule: Rule = { name: "api", rate: "9/hour", trial: { key: byHeader("x-team") } };
    assertEquals((await traffic(rule, 9)).scripts, 9);
  });
});
