/** Costs that follow what earlier requests took. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Context, Rule } from "../../mod.ts";
import { learnedCost, type LearnedCostOptions, tokenUsage } from "../../src/tokens/mod.ts";
import { requestTo, throttled } from "../harness/throttled.ts";

const contextOf = (url = "https://api.example/"): Context => ({ request: new Request(url) }) as Context;

/** A learned cost, with the functions to ask and to teach it. */
function learning(options: Partial<LearnedCostOptions> = {}) {
  const cost = learnedCost({ start: 500, max: 4000, ...options });
  return {
    cost,
    next: (url?: string) => cost(contextOf(url)) as number,
    learn(costs: readonly number[], url?: string) {
      for (const each of costs) {
        const context = contextOf(url);
        cost(context);
        cost.settled!(context, each);
      }
    },
  };
}

const times = (count: number, cost: number): number[] => new Array(count).fill(cost);
const MODEL = (name: string) => `https://api.example/v1beta/models/${name}:streamGenerateContent?alt=sse`;

describe("learnedCost", () => {
  it("starts at `start` and follows the percentile once there are 20 requests", () => {
    const { next, learn } = learning({ percentile: 50 });
    assertEquals(next(), 500);
    learn(times(9, 100));
    assertEquals(next(), 500);
    learn(times(11, 100));
    assertEquals(next(), 100);
  });

  it("is the percentile by nearest rank of the last 200 requests", () => {
    fc.assert(fc.property(
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 20, maxLength: 450 }),
      fc.constantFrom(0, 1, 50, 90, 95, 99.9, 100),
      (costs, percentile) => {
        const { next, learn } = learning({ percentile });
        learn(costs);
        const sorted = costs.slice(-200).sort((a, b) => a - b);
        assertEquals(next(), sorted[Math.max(0, Math.ceil(percentile / 100 * sorted.length) - 1)]);
      },
    ));
  });

  it("counts `start` for each of the 20 that is missing", () => {
    fc.assert(fc.property(
      fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 19 }),
      fc.constantFrom(0, 50, 95, 100),
      (costs, percentile) => {
        const { next, learn } = learning({ percentile });
        learn(costs);
        const sorted = [...costs, ...times(20 - costs.length, 500)].sort((a, b) => a - b);
        assertEquals(next(), sorted[Math.max(0, Math.ceil(percentile / 100 * 20) - 1)]);
      },
    ));
  });

  it("is at most `max`, and does not learn from requests that took nothing", () => {
    const { next, learn } = learning({ max: 1000 });
    learn(times(50, 9000));
    assertEquals(next(), 1000);
    learn(times(300, 0));
    assertEquals(next(), 1000);
  });

  it("knows the models in the URLs of Gemini and Azure apart, and takes a new one for the others", () => {
    const { next, learn } = learning();
    learn(times(30, 100), MODEL("small"));
    learn(times(30, 3000), MODEL("large"));
    const azure = "https://api.example/openai/deployments/mine/chat/completions?api-version=1";
    learn(times(30, 700), azure);
    assertEquals([MODEL("small"), MODEL("large"), azure].map(next), [100, 3000, 700]);
    assertEquals([next(MODEL("new")), next()], [3000, 3000]);
  });

  it("knows models by a function of one's own, later ones too", async () => {
    const cost = learnedCost({
      ...{ start: 500, max: 4000 },
      model: async ({ request }) => await request.headers.get("x-model"),
    });
    const of = (model: string) => ({
      request: new Request("https://x.example", { headers: { "x-model": model } }),
    });
    for (const [model, units] of [["a", 10], ["b", 20]] as const) {
      for (let i = 0; i < 20; i++) {
        const context = of(model) as Context;
        await cost(context);
        cost.settled!(context, units);
      }
    }
    assertEquals(await Promise.all(["a", "b"].map((model) => cost(of(model) as Context))), [10, 20]);
  });

  it("remembers the last 100 models: a client that makes names up fills no memory", () => {
    const { next, learn } = learning();
    learn(times(30, 100), MODEL("first"));
    for (let i = 0; i < 99; i++) learn([200], MODEL(`made-up-${i}`));
    assertEquals(next(MODEL("first")), 100);
    learn(times(100, 3000), MODEL("last"));
    // Forgotten, so it is taken for the others.
    assertEquals(next(MODEL("first")), 3000);
    learn(times(30, 50), MODEL("made-up-0"));
    learn([200], MODEL("newest"));
    // Settled again, so it is not the oldest any more.
    assertEquals(next(MODEL("made-up-0")), 50);
  });

  it("reserves what answers of this rule took, and learns as they are settled", async () => {
    let tokens = 80;
    const rule: Rule = {
      name: "tokens",
      rate: "100000/hour",
      cost: learnedCost({ start: 1000, max: 5000 }),
      count: tokenUsage(),
    };
    const { send, throttle } = throttled(
      rule,
      {},
      () => Response.json({ usage: { prompt_tokens: 20, completion_tokens: tokens } }),
    );
    const reserved = async () => (await throttle.peek(requestTo()))[0].cost;
    assertEquals(await reserved(), 1000);
    for (let i = 0; i < 20; i++) await (await send()).text();
    assertEquals(await reserved(), 100);
    tokens = 980;
    for (let i = 0; i < 20; i++) await (await send()).text();
    assertEquals(await reserved(), 1000);
    // An answer that says nothing teaches nothing.
    tokens = null as unknown as number;
    for (let i = 0; i < 20; i++) await (await send()).text();
    assertEquals(await reserved(), 1000);
  });

  it("learns of charges that were right, and of those that a handler settles", async () => {
    for (const units of [300, 1000]) {
      const { throttle } = throttled({
        ...{ name: "tokens", rate: "100000/hour" },
        cost: learnedCost({ start: 1000, max: 5000, percentile: 50 }),
      });
      for (let i = 0; i < 20; i++) await (await throttle.check(requestTo())).settle("tokens", units);
      assertEquals((await throttle.peek(requestTo()))[0].cost, units);
    }
  });

  it("wastes little and overdraws seldom: of costs that vary, five percent are above what was reserved", () => {
    const { cost } = learning();
    let seed = 1;
    const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
    let above = 0;
    for (let i = 0; i < 5000; i++) {
      const context = contextOf();
      const reserved = cost(context) as number;
      const real = 1 + Math.floor(1500 * random() ** 3);
      if (i >= 500 && real > reserved) above++;
      cost.settled!(context, real);
    }
    assert(above > 0);
    assertLessOrEqual(above / 4500, 0.07);
  });

  it("refuses a start above max", () => {
    assertThrows(() => learnedCost({ start: 11, max: 10 }), RangeError, "start must be at most max");
  });
});
