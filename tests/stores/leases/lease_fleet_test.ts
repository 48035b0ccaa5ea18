import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { type Algorithm, fixedWindow, type Rule, slidingWindow } from "../../../mod.ts";
import {
  chargeOf,
  type Fleet,
  type Pass,
  type Run,
  sail,
  type Skew,
  type Turn,
  type Weather,
} from "../../harness/fleet.ts";

/** The part of the promise in docs/operating.md that is about several instances: see "Leases" there. */

const ALGORITHMS: readonly [string, () => Algorithm][] = [
  ["fixedWindow()", () => fixedWindow()],
  ["fixedWindow({ aligned: true })", () => fixedWindow({ aligned: true })],
  ["slidingWindow()", () => slidingWindow()],
  ["slidingWindow({ slots: 3 })", () => slidingWindow({ slots: 3 })],
];
const KEYS = ["a", "b"];

const calm: fc.Arbitrary<Weather> = fc.record({
  there: fc.integer({ min: 0, max: 20 }),
  back: fc.integer({ min: 0, max: 20 }),
  lost: fc.constant("nothing" as const),
});
const stormy: fc.Arbitrary<Weather> = fc.record({
  there: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 6000, noNaN: true })),
  back: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 249, noNaN: true })),
  lost: fc.constantFrom("nothing", "nothing", "nothing", "the question", "the answer"),
});
const skew: fc.Arbitrary<Skew> = fc.record({
  offMs: fc.integer({ min: -5000, max: 5000 }),
  drift: fc.constantFrom(0, 0, 1 / 2000, -1 / 2000),
});

/** When the next turn comes; now and then at the ms at which a lease ends. */
const when = fc.oneof(
  fc.record({ after: fc.constant(0) }),
  fc.record({ after: fc.double({ min: 0, max: 5, noNaN: true }) }),
  fc.record({ after: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ after: fc.integer({ min: 0, max: 1500 }) }),
  fc.record({ after: fc.double({ min: -3, max: 1, noNaN: true }), edge: fc.constant(true) }),
);

function turns(instances: number, accidents: boolean): fc.Arbitrary<readonly Turn[]> {
  const who = fc.integer({ min: 0, max: instances - 1 });
  const ask = fc.record({
    kind: fc.constant("ask" as const),
    who,
    key: fc.constantFrom("a", "a", "a", "b"),
    cost: fc.constantFrom(1, 1, 1, 1, 2, 7),
  });
  const accident = fc.oneof(
    fc.record({ kind: fc.constantFrom("crash" as const, "close" as const), who }),
    fc.record({ kind: fc.constant("step" as const), who, byMs: fc.integer({ min: -9000, max: 9000 }) }),
  );
  const act = accidents ? fc.oneof({ weight: 20, arbitrary: ask }, { weight: 1, arbitrary: accident }) : ask;
  const turn = fc.tuple(act, when).map(([act, when]): Turn => ({ ...act, ...when }));
  return fc.array(turn, { minLength: 1, maxLength: 300, size: "max" });
}

function fleets(make: () => Algorithm, weather: fc.Arbitrary<Weather>): fc.Arbitrary<Fleet> {
  const limits = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 2 });
  return fc.record({
    rules: fc.tuple(limits, fc.constantFrom(0.1, 1, 4, 20)).map(([limits, window]) =>
      limits.map((limit, i): Rule => ({ name: `r${i}`, rate: { limit, window }, algorithm: make() }))
    ),
    most: fc.constantFrom(2, 5, 20, 100),
    skews: fc.array(skew, { minLength: 1, maxLength: 4 }),
    weather: fc.array(weather, { minLength: 1, maxLength: 50 }),
  });
}

function rateOf({ rate }: Rule): { readonly limit: number; readonly windowMs: number } {
  const { limit, window } = rate as { limit: number; window: number };
  return { limit, windowMs: window * 1000 };
}

function sumOf(passes: readonly Pass[]): number {
  return passes.reduce((sum, { cost }) => sum + cost, 0);
}

/** The passes of each rule and key. */
function* quotas({ rules }: Fleet, { passes }: Run): Generator<readonly [Rule, string, Pass[]]> {
  for (const rule of rules) {
    for (const key of KEYS) {
      yield [rule, key, passes.filter((pass) => pass.rule === rule.name && pass.key === key)];
    }
  }
}

/** Nothing was used that was not charged, nor after the time until which that may wait. */
function assertCharged({ rules }: Fleet, { passes, charged }: Run): void {
  const used = new Map<string, number>();
  for (const pass of passes) {
    used.set(chargeOf(pass), (used.get(chargeOf(pass)) ?? 0) + pass.cost);
    const rule = rules.find(({ name }) => name === pass.rule)!;
    assertLess(pass.at, rule.algorithm!.usableUntil!(pass.chargedAt, rateOf(rule).windowMs));
  }
  for (const [charge, units] of used) assertLessOrEqual(units, charged.get(charge) ?? 0, charge);
}

/** In each of its windows no more than the limit passed. */
function assertFixed(fleet: Fleet, run: Run): void {
  for (const [rule, , passes] of quotas(fleet, run)) {
    const { limit } = rateOf(rule);
    for (const start of new Set(passes.map(({ chargedAt }) => chargedAt))) {
      const within = passes.filter(({ chargedAt }) => chargedAt === start);
      assertLessOrEqual(sumOf(within), limit);
    }
  }
}

/** In no window, wherever it begins, more than the limit passed. */
function assertSliding(fleet: Fleet, run: Run): void {
  for (const [rule, , passes] of quotas(fleet, run)) {
    const { limit, windowMs } = rateOf(rule);
    for (const { at: end } of passes) {
      const within = passes.filter(({ at }) => at <= end && at > end - windowMs);
      assertLessOrEqual(sumOf(within), limit);
    }
  }
}

/** On a busy machine; Bun's own limit is 5 s. */
const LONG = { timeout: 600_000 };

describe("instances that take units ahead from one store", LONG, () => {
  for (const [name, make] of ALGORITHMS) {
    const assertLimits = name.startsWith("fixed") ? assertFixed : assertSliding;

    it(
      `never admit more than the limit, through lost and late messages, crashes and clocks that are off: ${name}`,
      LONG,
      async () => {
        let ahead = 0;
        await fc.assert(
          fc.asyncProperty(
            fleets(make, stormy).chain((fleet) =>
              fc.tuple(fc.constant(fleet), turns(fleet.skews.length, true))
            ),
            async ([fleet, list]) => {
              const run = await sail(fleet, list);
              assertLimits(fleet, run);
              assertCharged(fleet, run);
              ahead += run.passes.filter(({ source }) => source === "lease").length;
            },
          ),
          { numRuns: 100 },
        );
        assert(ahead > 100, `only ${ahead} answers came from leases`);
      },
    );
  }

  it("leave unused less than a lease each at the end of a window", LONG, async () => {
    await fc.assert(
      fc.asyncProperty(
        fleets(() => fixedWindow(), calm).chain((fleet) =>
          fc.tuple(fc.constant(fleet), turns(fleet.skews.length, false))
        ),
        async ([fleet, list]) => {
          const run = await sail(fleet, list);
          for (const [rule, key, passes] of quotas(fleet, run)) {
            const [last] = [...new Set(passes.map(({ chargedAt }) => chargedAt))].slice(-1);
            if (last === undefined) continue;
            const place = fleet.rules.indexOf(rule);
            const charged = rateOf(rule).limit - run.left(key)[place];
            // The window may be over by now: then nothing is charged.
            const unused = charged - sumOf(passes.filter(({ chargedAt }) => chargedAt === last));
            assertLessOrEqual(unused, fleet.skews.length * (fleet.most - 1));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("admit all of the limit where enough is asked for", async () => {
    for (const instances of [1, 2, 5]) {
      const fleet: Fleet = {
        rules: [{ name: "r0", rate: { limit: 500, window: 4 }, algorithm: fixedWindow() }],
        most: 20,
        skews: Array(instances).fill({ offMs: 0, drift: 0 }),
        weather: [{ there: 1, back: 1, lost: "nothing" }],
      };
      const list = Array.from({ length: 1000 }, (_, i): Turn => ({
        kind: "ask",
        after: 3,
        who: i % instances,
        key: "a",
        cost: 1,
      }));
      const { passes, refused, calls } = await sail(fleet, list);
      assertEquals([passes.length, refused], [500, 500], `${instances} instances`);
      assertLess(calls - refused, 500 / 3);
    }
  });
});
