import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Algorithm } from "../../src/algorithms/algorithm.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import { policyOf, START } from "../harness/algorithms.ts";

/** Charges of a meter that turn out to be less, or none: what is left must be as if they had never been more. */

interface Charge {
  readonly at: number;
  units: number;
}

/** A meter, and beside it the charges themselves, each as it turned out so far. */
class Meter {
  readonly policy;
  readonly burst: number;
  readonly algorithm: Algorithm;
  readonly charges: Charge[] = [];
  now = START;
  state: unknown = null;

  constructor(limit: number, windowMs: number, burst = limit) {
    this.policy = policyOf(limit, windowMs);
    this.burst = burst;
    this.algorithm = gcra({ burst });
  }

  step(cost: number, since: number | null) {
    const step = this.algorithm.step(this.state, this.policy, this.now, cost, since);
    this.state = step.state;
    return step;
  }

  /** Asks; the charge, when it passes. */
  ask(cost = 1): Charge | null {
    const { allowed, at } = this.step(cost, null);
    if (!allowed) return null;
    const charge = { at: at as number, units: cost };
    this.charges.push(charge);
    return charge;
  }

  correct(charge: Charge, units: number): void {
    this.step(units - charge.units, charge.at);
    charge.units = units;
  }

  get left(): number {
    return this.algorithm.step(this.state, this.policy, this.now, 0, null).remaining;
  }

  /** The debt of the charges as they turned out, in units x ms. */
  get truth(): number {
    const { limit, windowMs } = this.policy;
    let [owed, then] = [0, START];
    for (const { at, units } of this.charges) {
      owed = Math.max(0, owed - (at - then) * limit) + units * windowMs;
      then = at;
    }
    return Math.max(0, owed - (this.now - then) * limit);
  }

  get trueLeft(): number {
    const { limit, windowMs } = this.policy;
    return Math.min(limit, Math.floor(Math.max(0, this.burst * windowMs - this.truth) / windowMs));
  }
}

const meters = fc.tuple(
  fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1000 })),
  fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 })),
  fc.constantFrom(1, 1, 1, 0.5, 3),
).map(([limit, windowMs, share]) => ({ limit, windowMs, burst: Math.max(1, Math.floor(limit * share)) }));

const moves = fc.array(
  fc.record({
    /** Percent of a window. */
    wait: fc.oneof(fc.constantFrom(0, 0, 0, 1, 10), fc.integer({ min: 0, max: 150 })),
    more: fc.constantFrom(0, 0, 1),
    kind: fc.constantFrom("ask", "ask", "correct"),
    cost: fc.integer({ min: 0, max: 100 }),
    /** Which charge, from the latest. */
    back: fc.oneof(fc.nat(4), fc.nat(60)),
  }),
  { maxLength: 60, size: "max" },
);

describe("refunds of a meter", () => {
  it("is never more than the charges turned out to leave, however they are corrected", () => {
    fc.assert(
      fc.property(meters, moves, ({ limit, windowMs, burst }, list) => {
        const meter = new Meter(limit, windowMs, burst);
        for (const { wait, more, kind, cost, back } of list) {
          meter.now += Math.floor(windowMs * wait / 100) + more;
          const charge = meter.charges.at(-1 - back);
          if (kind === "ask") meter.ask(Math.ceil(burst * cost / 100));
          else if (charge !== undefined) meter.correct(charge, Math.floor(charge.units * cost / 100));
          assert(meter.left <= meter.trueLeft, `${meter.left} of ${meter.trueLeft}`);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("is all of it where the meter would not have run empty without anything that was charged meanwhile", () => {
    fc.assert(
      fc.property(meters, moves, fc.nat(100), ({ limit, windowMs, burst }, list, share) => {
        const meter = new Meter(limit, windowMs, burst);
        if (meter.ask(Math.ceil(burst * share / 100)) === null) return;
        meter.now += 2 * Math.ceil(windowMs / 8);
        const base = meter.truth;
        const open: Charge[] = [];
        const from = meter.now;
        for (const { wait, kind, cost, back } of list) {
          meter.now += Math.floor(windowMs * wait / 1000);
          if ((meter.now - from) * limit > base || meter.now - from >= Math.ceil(windowMs / 8)) return;
          const charge = open.at(-1 - back);
          if (kind === "ask") {
            open.push(...[meter.ask(Math.ceil(burst * cost / 100))].filter((c) => c !== null));
          } else if (charge !== undefined) meter.correct(charge, Math.floor(charge.units * cost / 100));
          assertEquals(meter.left, meter.trueLeft);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("is all of it when everything that was charged in an eighth of a window is taken back, in any order", () => {
    fc.assert(
      fc.property(
        meters,
        fc.array(fc.record({ wait: fc.nat(1000), order: fc.nat(1000), later: fc.nat(1000) }), {
          minLength: 1,
          maxLength: 100,
          size: "max",
        }),
        ({ limit, windowMs }, list) => {
          const meter = new Meter(limit, windowMs);
          const partMs = Math.ceil(windowMs / 8);
          const after = (part: number) => START + Math.floor(partMs * part / 2001);
          const charges: [Charge, number][] = [];
          for (const { wait, order } of [...list].sort((a, b) => a.wait - b.wait)) {
            meter.now = after(wait);
            const charge = meter.ask();
            if (charge !== null) charges.push([charge, order]);
          }
          meter.now = after(1000);
          charges.sort(([, a], [, b]) => a - b).forEach(([charge], i) => {
            meter.now = Math.max(meter.now, after(1000 + list[i].later));
            meter.correct(charge, 0);
          });
          assertEquals(meter.left, limit);
          assertEquals(meter.step(limit, null).allowed, true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** Requests that another rule refuses, each taken back `latencyMs` later, for `forMs`; and a client's own every `everyMs`. */
function flood(meter: Meter, perMs: number, latencyMs: number, forMs: number, everyMs = Infinity): number {
  const open: (Charge | null)[][] = [];
  let refused = 0;
  for (let t = 0; t < forMs; t++, meter.now++) {
    if (t % everyMs === everyMs - 1 && meter.ask() === null) refused++;
    open.push(Array.from({ length: Math.floor((t + 1) * perMs) - Math.floor(t * perMs) }, () => meter.ask()));
    if (open.length > latencyMs) {
      open.shift()?.forEach((charge) => charge !== null && meter.correct(charge, 0));
    }
  }
  for (const charges of open) charges.forEach((charge) => charge !== null && meter.correct(charge, 0));
  return refused;
}

describe("under a flood of requests that another rule refuses", () => {
  for (const [perSecond, latencyMs] of [[1000, 5], [1000, 20], [200, 100], [20, 1000], [3, 7000]]) {
    it(`a full meter of 60 a minute recovers: ${perSecond} a second, each taken back after ${latencyMs} ms`, () => {
      const meter = new Meter(60, 60_000);
      meter.ask(60);
      flood(meter, perSecond / 1000, latencyMs, 30_000);
      assert(meter.left >= 28, `${meter.left} after half a minute`);
      flood(meter, perSecond / 1000, latencyMs, 45_000);
      assert(meter.left >= 55, `${meter.left} after 75 seconds`);
    });

    it(`a client that stays below its limit is not refused: ${perSecond} a second, ${latencyMs} ms`, () => {
      const meter = new Meter(60, 60_000);
      assertEquals(flood(meter, perSecond / 1000, latencyMs, 90_000, 2000), 0);
    });
  }

  it("no more is lost than was charged in the last eighth of a window", () => {
    const meter = new Meter(60, 60_000);
    meter.ask(30);
    flood(meter, 1, 5, 14_000);
    assert(meter.left >= 30 + 14 - 8, `${meter.left}`);
  });
});
