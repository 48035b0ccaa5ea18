/** When an explanation says that a request passes, and under which limit. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byIp,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
} from "../../mod.ts";
import { client, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 3 }),
  slidingLog(),
  slidingWindow(),
];

/** Explains one more request under one rule, of which some were sent. */
async function explainedAfter(sent: number, rule: Rule) {
  const { throttle, statuses } = throttled({ name: "r", ...rule });
  await statuses(sent);
  const { rules: [explained], text } = await throttle.explain(requestTo());
  return { ...explained, text };
}

describe("the end of a refusal, in an explanation", () => {
  const rows: readonly [title: string, sent: number, rule: Rule, passes: string, used: number | null][] = [
    ["a request that is allowed", 1, { rate: "2/min" }, "passes now", 1],
    [
      "an empty quota",
      2,
      { rate: "2/min" },
      "passes at 2027-01-15T08:01:00.000Z; passes with a limit of at least 3",
      2,
    ],
    [
      "a cost above what is left",
      1,
      { rate: "1000/h", cost: 600 },
      "passes at 2027-01-15T09:00:00.000Z; passes with a limit of at least 1,200",
      600,
    ],
    [
      "a cost above what is left of many bytes",
      1,
      { rate: { limit: 1e10, window: "1min" }, cost: 6e9 },
      "passes at 2027-01-15T08:01:00.000Z; passes with a limit of at least 12,000,000,000",
      6e9,
    ],
    [
      "a cost above the limit",
      0,
      { rate: "3/min", cost: 5 },
      "never: the cost of 5 is above the limit of 3; passes with a limit of at least 5",
      0,
    ],
    [
      "a cost above a burst of its own",
      0,
      { rate: "9/min", cost: 5, algorithm: gcra({ burst: 3 }) },
      "never: the cost of 5 is above the burst of 3",
      0,
    ],
    [
      "a limit of 0",
      0,
      { rate: { limit: 0, window: "1min" } },
      "never: the limit is 0; passes with a limit of at least 1",
      0,
    ],
    [
      "a block",
      3,
      { rate: "2/min", block: { after: 1, window: "1min", for: "1h" } },
      "passes at 2027-01-15T09:00:00.000Z, as its key is blocked until then",
      2,
    ],
    [
      "a block that ends before the window",
      3,
      { rate: "2/h", block: { after: 1, window: "1min", for: "1min" } },
      "passes at 2027-01-15T09:00:00.000Z, as its key is blocked until 2027-01-15T08:01:00.000Z",
      2,
    ],
    [
      "a rate that cannot be used",
      0,
      { rate: () => "many" as never },
      "passes when it can be counted again",
      null,
    ],
  ];
  for (const [title, sent, rule, passes, used] of rows) {
    it(`is explained after ${title}`, async () => {
      const explained = await explainedAfter(sent, rule);
      assertEquals([explained.passes, explained.used], [passes, used]);
    });
  }

  it("is never for a request without a key that the rule refuses", async () => {
    for (const rate of ["1/min", () => "1/min" as const] as const) {
      const throttle = createThrottle({ rate, key: byIp({ onMissing: "deny" }) });
      const { rules: [{ passes, key, used }] } = await throttle.explain(requestTo());
      assertEquals([passes, key, used], ["never: the rule refuses requests without a key", null, null]);
    }
  });

  it("is at the latest then where a slot may come free before", async () => {
    const algorithm = concurrency({ lease: "1min" });
    const { throttle } = throttled({ name: "r", rate: { limit: 1 }, algorithm });
    await throttle.check(requestTo());
    const { rules: [{ passes, neededLimit }], text } = await throttle.explain(requestTo());
    assertEquals(neededLimit, 2);
    assert(passes!.includes(" at the latest; passes with a limit of at least 2"), passes!);
    assertStringIncludes(text, 'Rule "r" (1 at once) applies');
  });

  it("is exact: a request passes then, and is refused 1 ms before, whatever the rule and the requests", async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(...ALGORITHMS),
      fc.integer({ min: 1, max: 6 }),
      fc.array(
        fc.record({ wait: fc.integer({ min: 0, max: 20_000 }), cost: fc.integer({ min: 0, max: 3 }) }),
        {
          minLength: 1,
          maxLength: 12,
        },
      ),
      async (algorithm, limit, visits) => {
        let now = START;
        let cost = 1;
        let charged = -1;
        const store = memoryStore({ clock: () => now });
        const of = (limit: number) =>
          createThrottle({ name: "r", rate: { limit, window: "1min" }, algorithm, cost: () => cost }, {
            store,
            client,
          });
        const throttle = of(limit);
        for (const visit of visits) {
          now += visit.wait;
          cost = visit.cost;
          const { allowed } = await throttle.check(requestTo());
          if (allowed) {
            if (cost > 0) charged = now;
            continue;
          }
          const { allowed: passes, rules: [rule] } = await throttle.explain(requestTo());
          assertEquals(passes, false);
          const isAllowed = async (throttle: ReturnType<typeof of>) =>
            (await throttle.peek(requestTo()))[0].allowed;
          if (rule.neededLimit !== null) {
            assertEquals(await isAllowed(of(rule.neededLimit)), true);
            assertEquals(await isAllowed(of(rule.neededLimit - 1)), false);
          } else {assert(
              (cost > 3 - 1 || now === charged) && algorithm.capacity!(1000) < 1000,
              "a higher limit always helps but under a burst that the cost is above, or that was used in this very ms",
            );}
          if (rule.passesAt === null) continue;
          const then = now;
          now = rule.passesAt - 1;
          assertEquals(await isAllowed(throttle), false);
          now++;
          assertEquals(await isAllowed(throttle), true);
          now = then;
        }
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it("names the limit that an algorithm of one's own needs", async () => {
    // One in seven units of the limit is nobody's.
    const algorithm: Algorithm<number> = {
      name: "sevenths",
      step: (state, { limit, windowMs }, _now, cost) => {
        const used = (state ?? 0) + cost;
        const most = limit - Math.floor(limit / 7);
        const allowed = used <= most;
        const remaining = Math.max(0, most - (allowed ? used : state ?? 0));
        const waitMs = allowed ? 0 : windowMs;
        return {
          allowed,
          remaining,
          resetAfterMs: windowMs,
          retryAfterMs: waitMs,
          state: allowed ? used : state,
          ttlMs: windowMs,
        };
      },
    };
    const { neededLimit } = await explainedAfter(6, { rate: "7/min", algorithm: algorithm as Algorithm });
    assertEquals(neededLimit, 8);
    const far = await explainedAfter(1, { rate: "700/min", cost: 600, algorithm: algorithm as Algorithm });
    assertEquals(far.neededLimit, 1399);
  });

  it("is of the decision where the request was decided, with the limit that would pass now", async () => {
    const { throttle, clock } = throttled({ name: "r", rate: "1/min" });
    const [first, second] = [requestTo(), requestTo()];
    await throttle.check(first);
    await throttle.check(second);
    clock.now += 1000;
    const allowed = await throttle.explain(first);
    assertEquals([allowed.allowed, allowed.decided, allowed.rules[0].used], [true, true, 1]);
    assert(
      allowed.text.startsWith('The request "GET /" was allowed at 2027-01-15T08:00:00.000Z.'),
      allowed.text,
    );
    const refused = await throttle.explain(second);
    assertEquals([refused.allowed, refused.decided], [false, true]);
    assertEquals(
      refused.rules[0].passes,
      "passes at 2027-01-15T08:01:00.000Z; passes with a limit of at least 2",
    );
    clock.now += 60_000;
    assertEquals((await throttle.explain(second)).rules[0].passes, "passes at 2027-01-15T08:01:00.000Z");
    await throttle.reset("r", SOMEBODY);
    const [line] = (await throttle.explain(second)).text.split("\n");
    assertEquals(line, 'The request "GET /" was refused at 2027-01-15T08:00:00.000Z by rule "r".');
  });
});

describe("the text of an explanation", () => {
  it("says of a trial which rule's it is, and that it refuses nothing", async () => {
    const { throttle } = throttled([{ name: "api", rate: "9/min", trial: "5/min" }]);
    const [, , live, trial] = (await throttle.explain(requestTo("GET /"))).text.split("\n");
    assertStringIncludes(live, 'Rule "api" (9 per 1 min) applies: ');
    assertStringIncludes(
      trial,
      'Rule "api+trial" (5 per 1 min), which refuses nothing as it is the trial of rule "api", applies: ',
    );
  });

  it("states no limit where a function gave none", async () => {
    const { text } = await explainedAfter(0, { rate: () => "many" as never });
    assertStringIncludes(text, 'Rule "r" applies: it is for every request, but it cannot be counted: ');
  });

  it("is of sentences that a support desk can send", async () => {
    const { throttle, statuses } = throttled([
      { name: "api", rate: "600/10min" },
      { name: "login", rate: "2/15min", on: "POST /login" },
      { name: "planned", rate: "1/min", mode: "shadow" },
      { name: "upload", rate: "1/day", on: "PUT /files/*" },
    ]);
    await statuses(2, "POST /login");
    const { text } = await throttle.explain(requestTo("POST /login?user=ann"));
    assertEquals(text.split("\n"), [
      'The request "POST /login" would be refused now by rule "login".',
      "The address is 192.0.2.1, from the option client.address.",
      'Rule "api" (600 per 10 min) applies: it is for every request. It counts by ip, under the key "192.0.2.1". 2 in use, ' +
      "598 left; the request costs 1. It lets the request pass. The store answered.",
      'Rule "login" (2 per 15 min) applies: the request matches its pattern "POST /login". It counts by ip, under the key ' +
      '"192.0.2.1". 2 in use, 0 left; the request costs 1. It refuses the request, which passes at 2027-01-15T08:15:00.000Z ' +
      "(15 min after the decision); with a limit of at least 3 it passes now. The store answered.",
      'Rule "planned" (1 per 1 min) applies: it is for every request. It counts by ip, under the key "192.0.2.1". 1 in use, 0 ' +
      "left; the request costs 1. It is in shadow mode: it would refuse the request, which passes at 2027-01-15T08:01:00.000Z " +
      "(1 min after the decision); with a limit of at least 2 it passes now. The store answered.",
      'Rule "upload" does not apply: the path is "/login", and its pattern is "PUT /files/*".',
    ]);
  });
});
