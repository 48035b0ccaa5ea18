/** The rate headers alone, for frameworks whose reply is no Response. */
import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "node:test";
import {
  byHeader,
  concurrency,
  type Outcome,
  rateLimit,
  type Rule,
  type ThrottleOptions,
} from "../../mod.ts";
import { requestTo, throttled } from "../harness/throttled.ts";

const pairs = (headers: Headers) => [...headers].sort();
/** The headers that `label` writes on an empty response. */
const labelled = (outcome: Outcome) => pairs(outcome.label(new Response(null)).headers);

interface Case {
  readonly title: string;
  readonly rules: readonly (string | Rule)[];
  readonly options?: ThrottleOptions;
}

const cases: readonly Case[] = [
  { title: "one rule", rules: ["2/min"] },
  { title: "several rules", rules: ["2/min", { name: "day", rate: "100/day" }] },
  { title: "the IETF fields", rules: ["2/min", "9/hour"], options: { headers: [rateLimit()] } },
  { title: "formats of a rule's own", rules: ["2/min", { rate: "3/s", headers: [rateLimit({ draft: 7 })] }] },
  { title: "a rule that skips the request", rules: [{ rate: "2/min", key: byHeader("x-none") }] },
  { title: "a shadow rule alone", rules: [{ rate: "1/min", mode: "shadow" }] },
];

describe("outcome.headers", () => {
  for (const { title, rules, options } of cases) {
    it(`are those that label would write, allowed and refused: ${title}`, async () => {
      const { throttle } = throttled(rules, options);
      for (let i = 0; i < 3; i++) {
        const outcome = await throttle.check(requestTo());
        assertEquals(pairs(outcome.headers), labelled(outcome), `request ${i}`);
      }
    });
  }

  it("say on a refusal when to come back, as its response does", async () => {
    const { throttle } = throttled("1/min");
    await throttle.check(requestTo());
    const { headers, response } = await throttle.check(requestTo());
    assertEquals(pairs(headers), [
      ["retry-after", "60"],
      ["x-ratelimit-limit", "1"],
      ["x-ratelimit-remaining", "0"],
      ["x-ratelimit-reset", "60"],
    ]);
    for (const [name, value] of headers) assertEquals(response!.headers.get(name), value, name);
  });

  it("are empty for a preflight, which nothing was decided on", async () => {
    const { throttle } = throttled("1/min");
    const asked = { origin: "https://a.example", "access-control-request-method": "POST" };
    const { headers } = await throttle.check(requestTo("OPTIONS /", { headers: asked }));
    assertEquals(pairs(headers), []);
  });

  it("are new ones at each reading, and leave label's alone", async () => {
    const { throttle } = throttled("2/min");
    const outcome = await throttle.check(requestTo());
    const first = outcome.headers;
    first.set("x-ratelimit-limit", "1000000");
    assertEquals(outcome.headers.get("x-ratelimit-limit"), "2");
    assertEquals(outcome.label(new Response(null)).headers.get("x-ratelimit-limit"), "2");
  });

  it("tell what is left after a settlement", async () => {
    const { throttle } = throttled({ name: "rows", rate: "100/min", cost: 10 });
    const outcome = await throttle.check(requestTo());
    assertEquals(outcome.headers.get("x-ratelimit-remaining"), "90");
    await outcome.settle("rows", 3);
    assertEquals(outcome.headers.get("x-ratelimit-remaining"), "97");
  });

  it("end nothing: a slot comes free, and what does not count comes back, by a label with the reply's status", async () => {
    const rules: Rule[] = [
      { name: "slot", rate: { limit: 1 }, algorithm: concurrency({ lease: "1min" }) },
      { name: "failed", rate: "5/min", count: "failures" },
    ];
    const { throttle } = throttled(rules);
    const left = async () => (await throttle.peek(requestTo())).map(({ remaining }) => remaining);
    const outcome = await throttle.check(requestTo());
    assertEquals(outcome.headers.get("x-ratelimit-remaining"), "0");
    assertEquals(await left(), [0, 4]);
    outcome.label(new Response(null, { status: 204 }));
    assertEquals(await left(), [1, 5]);
    (await throttle.check(requestTo())).label(new Response(null, { status: 500 }));
    assertEquals(await left(), [1, 4]);
  });

  it("are there for a rejection of one's own", async () => {
    const { send } = throttled("1/min", {
      reject: ({ headers }) => new Response(`come back in ${headers.get("retry-after")} s`, { status: 429 }),
    });
    await send();
    assertMatch(await (await send()).text(), /^come back in 60 s$/);
  });
});

describe("outcome.headers, where headers are not always sent", () => {
  const told: Readonly<Record<"always" | "denied" | "never", boolean[]>> = {
    always: [true, true],
    denied: [false, true],
    never: [false, false],
  };
  for (const report of ["always", "denied", "never"] as const) {
    it(`are as many as label writes: "${report}"`, async () => {
      const { throttle } = throttled("1/min", { sendHeaders: report });
      const outcomes = [await throttle.check(requestTo()), await throttle.check(requestTo())];
      assertEquals(outcomes.map(({ headers }) => headers.has("x-ratelimit-limit")), told[report]);
      for (const outcome of outcomes) assertEquals(pairs(outcome.headers), labelled(outcome));
    });
  }
});
