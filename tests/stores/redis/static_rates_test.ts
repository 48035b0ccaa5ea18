import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  type Outcome,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type Throttle,
} from "../../../mod.ts";
import { client, requestTo } from "../../harness/throttled.ts";
import { CLOCKED_STORES } from "../../harness/clocked_stores.ts";

/** Throttles, whose rules a script has in it, beside the model: one request after another, and several at once. */

const LONG = { timeout: 600_000 };
const START = Date.UTC(2026, 11, 31, 23, 59, 50);

/** The header "x-cost" is a request's cost, "x-limit" its limit, "x-window" its window. */
const numberIn = (name: string) => ({ request }: { request: Request }) => Number(request.headers.get(name));

/** Rules share algorithms, so that one may have a rate from a function that is another's static one. */
const meter = gcra();
const algorithm = fc.constantFrom(
  ...[
    fixedWindow(),
    fixedWindow({ aligned: true }),
    meter,
    meter,
    meter,
    gcra({ burst: 9 }),
    gcra({ burst: 1 }),
  ],
  ...[slidingLog(), slidingWindow(), slidingWindow({ slots: 3 })],
);
const limit = fc.constantFrom(1, 2, 3, 3, 5, 100, 100, 10_000);
const window = fc.constantFrom("7ms", "1s", "1s", "20s");
const windowed: fc.Arbitrary<Rule> = fc.tuple(algorithm, limit, window, fc.boolean()).map(
  ([algorithm, limit, window, isStatic]) => ({
    algorithm,
    rate: isStatic ? { limit, window } : (context) => ({
      limit: Math.max(1, Math.min(limit, numberIn("x-limit")(context))),
      window: context.request.headers.get("x-window")!,
    }),
  }),
);
const calendar: fc.Arbitrary<Rule> = fc.tuple(limit, fc.constantFrom("day", "month", "year")).map(
  ([limit, every]) => ({ rate: { limit, every: every as "day", timeZone: "Etc/UTC" } }),
);
const slots: fc.Arbitrary<Rule> = limit.map((limit) => ({
  rate: { limit },
  algorithm: concurrency({ lease: "2s" }),
}));
/** The trial of a calendar's quota, and of slots, is of that kind. */
const triesCost = ({ rate, algorithm }: Rule) =>
  algorithm?.window !== undefined || Object(rate).every !== undefined;
const rule: fc.Arbitrary<Rule> = fc.record({
  own: fc.oneof({ weight: 5, arbitrary: windowed }, calendar, slots),
  more: fc.record({
    cost: fc.constantFrom(1, 1, 0, 2, numberIn("x-cost")),
    mode: fc.constantFrom("enforce" as const, "enforce" as const, "shadow" as const),
    block: fc.constantFrom(undefined, undefined, {
      after: 2,
      window: "3s",
      for: "1s",
      growth: 1.7,
      max: "5s",
    }),
  }),
  trial: fc.constantFrom(undefined, undefined, "2/s", { algorithm: slidingLog() }, { cost: 2 }),
}).map(({ own, more: { cost, mode, block }, trial }) =>
  ({
    ...own,
    cost,
    ...mode === "shadow"
      ? { mode }
      : trial === undefined
      ? {}
      : { trial: triesCost(own) ? { cost: 2 } : trial },
    ...block === undefined ? {} : { block },
  }) as Rule
);

const asked = fc.record({
  from: fc.constantFrom("192.0.2.1", "192.0.2.1", "192.0.2.2"),
  kind: fc.constantFrom("check", "check", "check", "peek"),
  cost: fc.constantFrom(0, 1, 1, 2, 5),
  limit: fc.constantFrom(3, 3, 100),
  window,
  /** The cost that its rules are settled at; null where they are not. */
  settled: fc.constantFrom(null, null, null, 0, 1, 3, 9_007_199_254_740_991),
});
const round = fc.record({
  afterMs: fc.constantFrom(0, 0, 1, 3, 200, 999, 1000, 5000, 10_000, -1, -300),
  asked: fc.array(asked, { minLength: 1, maxLength: 4 }),
});
const walkOf = (rule: fc.Arbitrary<Rule>) =>
  fc.record({
    rules: fc.array(rule, { minLength: 1, maxLength: 5 }),
    rounds: fc.array(round, { minLength: 25, maxLength: 25 }),
  });

/** A rule that has a place in the script, with statements of its own for a charge of one unit. */
const placed: fc.Arbitrary<Rule> = fc.tuple(
  fc.constantFrom(fixedWindow(), gcra(), gcra(), gcra({ burst: 9 }), gcra({ burst: 1 })),
  ...[limit, window] as const,
  fc.constantFrom("enforce" as const, "enforce" as const, "shadow" as const),
).map(([algorithm, limit, window, mode]) => ({ algorithm, rate: { limit, window }, mode }) as Rule);

const WALKS = [
  ["are decided as by the model, in walks of throttles", walkOf(rule)],
  ["are decided as by the model where each has a place in the script", walkOf(placed)],
] as const;

type Ask = typeof asked extends fc.Arbitrary<infer T> ? T : never;

function ask(throttle: Throttle, { from, kind, cost, limit, window }: Ask) {
  const headers = { "x-cost": String(cost), "x-limit": String(limit), "x-window": window };
  const request = requestTo("/", { from, headers });
  return kind === "peek" ? throttle.peek(request) : throttle.check(request);
}

const decisionsOf = (answer: Awaited<ReturnType<typeof ask>>) =>
  "decisions" in answer ? answer.decisions : answer;

const [, model, ...stores] = CLOCKED_STORES;

for (const { name, skip = false, start } of stores) {
  describe(`static and other rates on ${name}`, { skip }, () => {
    for (const [title, walk] of WALKS) {
      it(title, LONG, async () => {
        const here = await model.start();
        const there = await start();
        let decided = 0;
        let now = START;
        const run = async (
          rules: readonly Rule[],
          rounds: readonly { afterMs: number; asked: readonly Ask[] }[],
        ) => {
          now += 10 ** 8;
          const rulesText = rules.map((r) => JSON.stringify({ ...r, rate: r.rate?.toString() }));
          const throttleOver = (store: Store) =>
            createThrottle(rules.map((rule, i) => ({ ...rule, name: `r${i}` })), {
              ...{ store, client, onStoreFailure: "deny", unsafeStore: "ignore" },
            });
          const expected = throttleOver(here.open());
          const got = throttleOver(there.open());
          for (const { afterMs, asked } of rounds) {
            now += afterMs;
            here.setTime(now);
            await there.setTime(now);
            const answers: Awaited<ReturnType<typeof ask>>[] = [];
            const replies: ReturnType<typeof ask>[] = [];
            for (const one of asked) answers.push(await ask(expected, one));
            for (const one of asked) {
              replies.push(ask(got, one));
              // The trial of a rule that refuses by itself is asked about behind other questions of this moment.
              if (rules.some(({ trial }) => trial !== undefined)) await replies.at(-1);
            }
            const arrived = await Promise.all(replies);
            const text = `of ${JSON.stringify(asked)} ${rulesText}`;
            for (const [i, answer] of answers.entries()) {
              assertEquals(decisionsOf(arrived[i]), decisionsOf(answer), `${i} ${text}`);
              decided++;
            }
            for (const [i, { settled }] of asked.entries()) {
              const answer = answers[i];
              if (settled === null || !("settle" in answer) || !answer.allowed) continue;
              for (const { rule } of answer.decisions) {
                await answer.settle(rule, settled);
                await (arrived[i] as Outcome).settle(rule, settled);
              }
            }
          }
        };
        await fc.assert(
          fc.asyncProperty(walk, ({ rules, rounds }) => run(rules, rounds)),
          { numRuns: name === "Redis" ? 300 : 30 },
        );
        await there.close();
        assert(decided > 1000, `${decided}`);
      });
    }

    it(
      "give back charges of earlier parts of a window as the model does, in walks of one rule",
      LONG,
      async () => {
        const here = await model.start();
        const there = await start();
        const step = fc.tuple(
          fc.constantFrom(0, 1, 40, 100, 100, 250, -1),
          fc.constantFrom(null, null, 0, 1, 3, 7),
        );
        let now = START;
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom(fixedWindow(), gcra(), gcra({ burst: 40 })),
            fc.array(step, { minLength: 100, maxLength: 100 }),
            async (algorithm, steps) => {
              now += 10 ** 8;
              const stores = [here.open(), there.open()];
              // A throttle tells its store the rules.
              const [{ limit, windowMs, mode }] = stores.map((store) =>
                createThrottle({ rate: { limit: 20, window: "800ms" }, algorithm }, {
                  store,
                  unsafeStore: "ignore",
                }).rules[0]
              );
              const policy = { name: "rule", limit: limit!, windowMs: windowMs!, mode };
              const charges: number[] = [];
              for (const [afterMs, back] of steps) {
                now += afterMs;
                here.setTime(now);
                await there.setTime(now);
                const since = back === null ? null : charges.at(-1 - back) ?? null;
                const check = {
                  key: "rule:somebody",
                  policy,
                  algorithm,
                  cost: since === null ? 1 : -1,
                  since,
                };
                const [[expected], [got]] = await Promise.all(stores.map((store) => store.decide([check])));
                assertEquals(got, expected);
                if (since === null && expected.allowed) charges.push(expected.chargedAt!);
              }
            },
          ),
          { numRuns: 40 },
        );
        await there.close();
      },
    );
  });
}
