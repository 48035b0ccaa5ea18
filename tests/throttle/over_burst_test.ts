/** Costs above the burst: never let pass, nothing charged, and what is left is shown as it is. */
import { assertEquals } from "@std/assert";
import { after, before, describe, it } from "node:test";
import {
  byGlobal,
  type Check,
  concurrency,
  createThrottle,
  type Decision,
  type FailurePolicy,
  fixedWindow,
  gcra,
  memoryStore,
  rateLimit,
  retryAfter,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { CLIENTS } from "../harness/clients.ts";
import { get } from "../harness/http.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { serve } from "../harness/serve.ts";
import { client, requestTo, SOMEBODY, throttled } from "../harness/throttled.ts";

const ALGORITHMS = [fixedWindow(), gcra(), slidingLog(), slidingWindow({ slots: 4 })];
const headers = [xRateLimit(), rateLimit(), retryAfter()];

/** A request's header says its cost. */
const cost: Rule["cost"] = ({ request }) => Number(request.headers.get("x-cost") ?? 1);
const costing = (units: number): RequestInit => ({ headers: { "x-cost": String(units) } });

function told({ status, headers }: Response) {
  return [
    status,
    headers.get("ratelimit"),
    headers.get("x-ratelimit-remaining"),
    headers.get("retry-after"),
  ];
}

const brief = ({ rule, allowed, remaining, source, retryAfterMs }: Decision) => [
  rule,
  allowed,
  remaining,
  source,
  retryAfterMs,
];

/** Counts the calls of a store. */
function counting(within: Store): Store & { readonly asked: (readonly Check[])[] } {
  const asked: (readonly Check[])[] = [];
  return {
    ...within,
    asked,
    decide(checks, spend) {
      asked.push(checks);
      return within.decide(checks, spend);
    },
  };
}

describe("a cost above the burst", () => {
  for (const algorithm of ALGORITHMS) {
    it(`${algorithm.name}: shows what is left, charges nothing and has no wait`, async () => {
      const { send, throttle } = throttled({ name: "big", rate: "9/min", cost, algorithm }, { headers });
      await send("/", costing(6));
      for (let i = 0; i < 3; i++) {
        assertEquals(told(await send("/", costing(10))), [429, '"big";r=3', "3", null]);
      }
      const { decisions } = await throttle.check(requestTo("/", costing(10)));
      assertEquals(decisions.map(brief), [["big", false, 3, "rule", Infinity]]);
      assertEquals(decisions.map(({ cost, limit }) => [cost, limit]), [[10, 9]]);
      assertEquals(told(await send("/", costing(3)))[0], 200);
    });
  }

  it("of slots shows those that are free", async () => {
    const { throttle } = throttled({
      name: "slots",
      rate: { limit: 3 },
      cost,
      algorithm: concurrency({ lease: 60 }),
    });
    await throttle.check(requestTo());
    const { decisions } = await throttle.check(requestTo("/", costing(4)));
    assertEquals(decisions.map(brief), [["slots", false, 2, "rule", Infinity]]);
  });

  it("under several rules is refused whole: the others are not charged, and are shown", async () => {
    const rules: Rule[] = [
      { name: "before", rate: "5/min" },
      { name: "big", rate: "9/min", cost },
      { name: "after", rate: "7/hour" },
    ];
    const store = counting(memoryStore());
    const { throttle } = throttled(rules, { store });
    await throttle.check(requestTo());
    store.asked.length = 0;
    for (let i = 0; i < 2; i++) {
      const { decisions } = await throttle.check(requestTo("/", costing(10)));
      assertEquals(decisions.map(brief), [
        ["before", true, 4, "store", 0],
        ["big", false, 8, "rule", Infinity],
        ["after", true, 6, "store", 0],
      ]);
    }
    assertEquals(store.asked.map((checks) => checks.length), [3, 3]);
  });

  it("is shown beside what else refuses, which gives no wait where waiting cannot help", async () => {
    const { throttle, send } = throttled([{ name: "one", rate: "1/min" }, {
      name: "big",
      rate: "9/min",
      cost,
    }], {
      headers,
    });
    await throttle.check(requestTo());
    assertEquals(told(await send("/", costing(10))), [429, '"one";r=0;t=60, "big";r=8', "8", null]);
  });

  it("in a shadow rule is shown as it is, and refuses and charges nothing there", async () => {
    const { throttle } = throttled([{ name: "live", rate: "9/min" }, {
      name: "trial",
      rate: "5/min",
      cost,
      mode: "shadow",
      block: { after: 1, window: 60, for: 60 },
    }]);
    await throttle.check(requestTo());
    const { allowed, decisions } = await throttle.check(requestTo("/", costing(6)));
    assertEquals(allowed, true);
    assertEquals(decisions.map(brief), [
      ["live", true, 7, "store", 0],
      ["trial", false, 4, "rule", Infinity],
    ]);
    assertEquals((await throttle.check(requestTo())).decisions.map(({ remaining }) => remaining), [6, 3]);
  });

  it("counts towards no block, and shows one that lasts", async () => {
    const { send, throttle } = throttled({
      name: "strict",
      rate: "2/min",
      cost,
      block: { after: 2, window: 60, for: 3600 },
    }, { headers });
    for (let i = 0; i < 5; i++) assertEquals(told(await send("/", costing(3)))[1], '"strict";r=2');
    await send("/", costing(2));
    for (let i = 0; i < 2; i++) await send();
    const { decisions: [blocked] } = await throttle.check(requestTo("/", costing(3)));
    assertEquals([blocked.blockedMs, blocked.retryAfterMs], [3_600_000, Infinity]);
    assertEquals(told(await send("/", costing(3)))[1], '"strict";r=0');
  });

  it("counts towards no block where more is used than the limit, in shadow mode as in enforce mode", async () => {
    const block = { after: 2, window: 60, for: 3600 };
    for (const mode of ["enforce", "shadow"] as const) {
      const { throttle } = throttled({ name: "strict", rate: "2/min", cost, block, mode });
      await (await throttle.check(requestTo())).settle("strict", 5);
      for (let i = 0; i < 4; i++) {
        const { decisions: [decision] } = await throttle.check(requestTo("/", costing(3)));
        assertEquals([decision.source, decision.blockedMs], ["rule", 0]);
      }
    }
  });

  it("is shown by usage and peek as on the way of a request", async () => {
    const { throttle } = throttled({ name: "big", rate: "9/min", cost: 10 });
    const small = throttled({ name: "big", rate: "9/min", cost });
    await small.throttle.check(requestTo("/", costing(6)));
    assertEquals(brief(await throttle.usage("big", SOMEBODY)), ["big", false, 9, "rule", Infinity]);
    assertEquals(brief(await small.throttle.usage("big", requestTo("/", costing(10)))), [
      ...["big", false, 3, "rule", Infinity],
    ]);
    assertEquals((await small.throttle.peek(requestTo("/", costing(10)))).map(brief), [
      ["big", false, 3, "rule", Infinity],
    ]);
  });

  it("under a limit of 0 needs no look: the store is not asked", async () => {
    const store = counting(memoryStore());
    const { throttle } = throttled([{ name: "none", rate: "0/min" }, { name: "other", rate: "9/min" }], {
      store,
    });
    const { decisions } = await throttle.check(requestTo());
    assertEquals(decisions.map(brief), [["none", false, 0, "rule", Infinity]]);
    assertEquals(store.asked, []);
  });

  it("on a server: the client reads what is left", async () => {
    const server = await serve(withThrottle(() => new Response(null), { name: "big", rate: "9/min", cost }, {
      headers,
    }));
    await get(server.url, costing(6));
    const refused = await get(server.url, costing(10));
    assertEquals(
      [refused.status, refused.headers.get("ratelimit"), refused.headers.get("retry-after")],
      [429, '"big";r=3', null],
    );
    await server.close();
  });
});

describe("a cost above the burst while the store fails", () => {
  const rules = (onStoreFailure: FailurePolicy): Rule => (
    { name: "big", rate: "9/min", cost, onStoreFailure, key: byGlobal() }
  );

  it("local: shows what this instance has counted", async () => {
    const store = faultyStore(memoryStore());
    const { send, throttle } = throttled(rules("local"), { store, headers });
    await send("/", costing(6));
    store.fault = "reject";
    assertEquals(told(await send("/", costing(10))), [429, '"big";r=3', "3", null]);
    assertEquals((await throttle.check(requestTo("/", costing(10)))).decisions.map(brief), [
      ["big", false, 3, "rule", Infinity],
    ]);
  });

  for (const policy of ["allow", "deny"] as const) {
    it(`${policy}: is refused all the same, with 429 and no numbers`, async () => {
      const store = faultyStore(memoryStore());
      const { send } = throttled(rules(policy), { store, headers });
      store.fault = "reject";
      const response = await send("/", costing(10));
      assertEquals(told(response), [429, null, null, null]);
      assertEquals((await response.json())["violated-policies"], ["big"]);
      assertEquals((await send("/", costing(1))).status, policy === "allow" ? 200 : 503);
    });
  }
});

describe("a cost above the burst on Redis", { skip: withoutRedis }, () => {
  let redis: Redis;
  before(async () => void (redis = await startRedis()));
  after(() => redis.stop());

  const scripts = async () => {
    const text = await redis.command("INFO", "commandstats") as string;
    return [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  };

  it("is one look: one call, nothing charged, the others shown, the deny cache in front or not", async () => {
    const { client: its, close } = await CLIENTS[0].open(redis);
    for (const denyCache of [true, false]) {
      for (const algorithm of ALGORITHMS) {
        const prefix = `${algorithm.name}-${denyCache}`;
        const throttle = createThrottle([
          { name: "big", rate: "9/hour", cost, algorithm },
          { name: "one", rate: "2/hour", algorithm },
        ], { client, store: redisStore({ client: its, prefix, timeoutMs: 10_000, denyCache }) });
        const ask = async (units: number) =>
          (await throttle.check(requestTo("/", costing(units)))).decisions.map(brief);
        await ask(6);
        const callsBefore = await scripts();
        for (let i = 0; i < 2; i++) {
          assertEquals(await ask(10), [["big", false, 3, "rule", Infinity], ["one", true, 1, "store", 0]]);
        }
        assertEquals(await scripts() - callsBefore, 2);
        assertEquals(await ask(3), [["big", true, 0, "store", 0], ["one", true, 0, "store", 0]]);
        // Both refuse now, from the deny cache where there is one; a cost above the burst is still looked at.
        await ask(1);
        await ask(1);
        assertEquals((await ask(10)).map(([policy, , remaining, source]) => [policy, remaining, source]), [
          ["big", 0, "rule"],
          ["one", 0, "store"],
        ]);
      }
    }
    await close();
  });
});
