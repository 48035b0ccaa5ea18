import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Algorithm } from "../../src/algorithms/algorithm.ts";
import { concurrency } from "../../src/algorithms/concurrency.ts";
import { fixedWindow } from "../../src/algorithms/fixed_window.ts";
import { gcra, leakyBucket, tokenBucket } from "../../src/algorithms/gcra.ts";
import { slidingLog } from "../../src/algorithms/sliding_log.ts";
import { slidingWindow } from "../../src/algorithms/sliding_window.ts";
import { type Case, DAY_MS, look, policyOf, START, subjects, timed } from "../harness/algorithms.ts";

/** A request `t` ms after {@link ZERO}, what it costs, and what must come of it. */
type Row = readonly [
  t: number,
  cost: number,
  allowed: boolean,
  remaining: number,
  reset: number,
  retry: number,
];

/** A multiple of every window and slot below. */
const ZERO = 1_795_323_600_000;
const yes = true;
const no = false;

/** Steps through the rows, the state of each being that of the one before. */
function follow(algorithm: Algorithm, limit: number, windowMs: number, rows: readonly Row[]): void {
  let state: unknown = null;
  for (const row of rows) {
    const [t, cost] = row;
    const step = algorithm.step(state, policyOf(limit, windowMs), ZERO + t, cost, null);
    state = step.state;
    const { allowed, remaining, resetAfterMs, retryAfterMs } = step;
    assertEquals([t, cost, allowed, remaining, resetAfterMs, retryAfterMs], [...row]);
  }
}

const TABLES:
  readonly (readonly [title: string, Algorithm, limit: number, windowMs: number, readonly Row[]])[] = [
    [
      "fixedWindow passes the limit, then refuses until its window is over",
      fixedWindow(),
      3,
      1000,
      [
        [0, 1, yes, 2, 1000, 0],
        [1, 1, yes, 1, 999, 0],
        [2, 2, no, 1, 998, 998],
        [2, 1, yes, 0, 998, 0],
        [2, 1, no, 0, 998, 998],
        [999, 1, no, 0, 1, 1],
        [1000, 1, yes, 2, 1000, 0],
        [5500, 3, yes, 0, 1000, 0],
        [5500, 0, yes, 0, 1000, 0],
        [6500, 0, yes, 3, 0, 0],
      ],
    ],
    [
      "fixedWindow passes up to twice the limit around a window's end",
      fixedWindow(),
      2,
      1000,
      [
        [0, 1, yes, 1, 1000, 0],
        [999, 1, yes, 0, 1, 0],
        [1000, 2, yes, 0, 1000, 0],
      ],
    ],
    [
      "fixedWindow({ aligned: true }) begins at multiples of the window",
      fixedWindow({ aligned: true }),
      2,
      60_000,
      [
        [59_000, 2, yes, 0, 1000, 0],
        [59_999, 1, no, 0, 1, 1],
        [60_000, 1, yes, 1, 60_000, 0],
        [100_000, 1, yes, 0, 20_000, 0],
      ],
    ],
    [
      "gcra drains continuously",
      gcra(),
      3,
      10_000,
      [
        [0, 1, yes, 2, 3334, 0],
        [0, 1, yes, 1, 6667, 0],
        [0, 1, yes, 0, 10_000, 0],
        [0, 1, no, 0, 10_000, 3334],
        [3333, 1, no, 0, 6667, 1],
        [3334, 1, yes, 0, 10_000, 0],
        [6667, 1, yes, 0, 10_000, 0],
        [10_000, 1, yes, 0, 10_000, 0],
        [20_000, 0, yes, 3, 0, 0],
      ],
    ],
    [
      "gcra passes 2N - 1 in a half-open window, and the 2Nth at its end",
      gcra(),
      5,
      60_000,
      [
        [0, 5, yes, 0, 60_000, 0],
        [12_000, 1, yes, 0, 60_000, 0],
        [24_000, 1, yes, 0, 60_000, 0],
        [36_000, 1, yes, 0, 60_000, 0],
        [48_000, 1, yes, 0, 60_000, 0],
        [59_999, 1, no, 0, 48_001, 1],
        [60_000, 1, yes, 0, 60_000, 0],
      ],
    ],
    [
      "gcra({ burst }) passes the burst at once and the limit a window",
      gcra({ burst: 2 }),
      10,
      1000,
      [
        [0, 1, yes, 1, 100, 0],
        [0, 1, yes, 0, 200, 0],
        [0, 1, no, 0, 200, 100],
        [99, 1, no, 0, 101, 1],
        [100, 1, yes, 0, 200, 0],
        [150, 0, yes, 0, 150, 0],
        [200, 0, yes, 1, 100, 0],
        [300, 2, yes, 0, 200, 0],
      ],
    ],
    [
      "gcra({ burst }) above the limit shows no more than the limit",
      gcra({ burst: 5 }),
      2,
      1000,
      [
        [0, 1, yes, 2, 500, 0],
        [0, 3, yes, 1, 2000, 0],
        [0, 1, yes, 0, 2500, 0],
        [0, 1, no, 0, 2500, 500],
        [0, 5, no, 0, 2500, 2500],
        [2500, 5, yes, 0, 2500, 0],
      ],
    ],
    [
      "slidingLog gives back each unit one window after it was used",
      slidingLog(),
      3,
      1000,
      [
        [0, 1, yes, 2, 1000, 0],
        [400, 2, yes, 0, 1000, 0],
        [999, 1, no, 0, 401, 1],
        [1000, 2, no, 1, 400, 400],
        [1000, 1, yes, 0, 1000, 0],
        [1400, 3, no, 2, 600, 600],
        [1400, 2, yes, 0, 1000, 0],
      ],
    ],
    [
      "slidingWindow gives back a slot as a whole, one window after its end",
      slidingWindow({ slots: 4 }),
      3,
      1000,
      [
        [10, 1, yes, 2, 1239, 0], // entered under 249
        [240, 1, yes, 1, 1009, 0],
        [250, 1, yes, 0, 1249, 0], // under 499
        [1010, 1, no, 0, 489, 239],
        [1248, 1, no, 0, 251, 1],
        [1249, 2, yes, 0, 1000, 0],
        [1500, 0, yes, 1, 749, 0],
      ],
    ],
    [
      "slidingWindow with more slots than ms is a sliding log",
      slidingWindow({ slots: 1000 }),
      2,
      10,
      [
        [0, 1, yes, 1, 10, 0],
        [5, 1, yes, 0, 10, 0],
        [9, 1, no, 0, 6, 1],
        [10, 1, yes, 0, 10, 0],
      ],
    ],
    [
      "concurrency gives back what nobody released at the lease's end",
      concurrency({ lease: 10 }),
      2,
      10_000,
      [
        [0, 1, yes, 1, 10_000, 0],
        [1000, 1, yes, 0, 10_000, 0],
        [2000, 1, no, 0, 9000, 1000],
        [9999, 1, no, 0, 1001, 1000],
        [10_000, 1, yes, 0, 10_000, 0],
      ],
    ],
  ];

describe("algorithms, step by step", () => {
  for (const [title, algorithm, limit, windowMs, rows] of TABLES) {
    it(title, () => follow(algorithm, limit, windowMs, rows));
  }

  it("have three names for the meter", () => {
    assertStrictEquals(leakyBucket, gcra);
    assertStrictEquals(tokenBucket, gcra);
  });

  it("refuse options that cannot be used, with the value", () => {
    for (const burst of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => gcra({ burst }), RangeError, `current value is ${burst}`);
    }
    for (const slots of [0, -1, 1.5, NaN, 1001]) {
      assertThrows(() => slidingWindow({ slots }), RangeError, `current value is ${slots}`);
    }
    for (const lease of [0, -1, NaN, "0s", "5 minn"]) {
      const shown = typeof lease === "string" ? `"${lease}"` : lease;
      assertThrows(() => concurrency({ lease }), Error, `current value is ${shown}`);
    }
  });

  it("say what of a policy they cannot do exactly", () => {
    assertEquals(slidingLog().unsupported?.(10_000, 1), null);
    assert(slidingLog().unsupported?.(10_001, 1)?.includes("slidingWindow()"));
    const most = Number.MAX_SAFE_INTEGER;
    assertEquals(gcra().unsupported?.(1, most), null);
    assert(gcra().unsupported?.(2, most)?.includes(`2 x ${most}`));
    assert(gcra({ burst: 2 }).unsupported?.(1, most)?.includes(`2 x ${most}`));
  });
});

/** How many requests of one unit pass at `now`, of `tries`. */
function passes(
  one: Pick<Case, "algorithm" | "policy">,
  states: unknown[],
  now: number,
  tries: number,
): number {
  let passed = 0;
  for (let i = 0; i < tries; i++) {
    const step = one.algorithm.step(states[0], one.policy, now, 1, null);
    states[0] = step.state;
    if (step.allowed) passed++;
  }
  return passed;
}

describe("how many pass", () => {
  for (const { title, cases } of subjects) {
    it(`${title}: of limit L exactly L pass in a fresh window, for L = 1, 2, 3 and any`, () => {
      fc.assert(
        fc.property(cases, fc.integer({ min: 0, max: 400 }), (one, later) => {
          if (one.capacity > 2000) return;
          assertEquals(passes(one, [null], START + later, one.capacity + 3), one.capacity);
        }),
        { numRuns: 100 },
      );
      fc.assert(
        fc.property(cases, fc.constantFrom(1, 2, 3), ({ algorithm, policy }, limit) => {
          const one = { algorithm, policy: { ...policy, limit } };
          const capacity = algorithm.capacity?.(limit) as number;
          if (capacity > 100) return;
          assertEquals(passes(one, [null], START, capacity + 3), capacity);
        }),
        { numRuns: 100 },
      );
    });

    it(`${title}: units pass in any portions, to the last of a million`, () => {
      fc.assert(
        fc.property(cases, fc.array(fc.integer({ min: 1, max: 1_000_000 })), (one, portions) => {
          const { algorithm, policy, capacity } = one;
          let [state, used]: [unknown, number] = [null, 0];
          for (const portion of [...portions, capacity]) {
            const cost = Math.min(portion, capacity - used);
            const step = algorithm.step(state, policy, START, cost, null);
            assert(step.allowed);
            [state, used] = [step.state, used + cost];
          }
          assert(!algorithm.step(state, policy, START, 1, null).allowed);
        }),
        { numRuns: 200 },
      );
    });
  }

  for (const [limit, windowMs] of [[1000, 1000], [1, DAY_MS], [3, 1000], [7, 60_000], [1, 1], [10, 1]]) {
    it(`${limit} in ${windowMs} ms passes the exact count over 10 periods`, () => {
      const policy = policyOf(limit, windowMs);
      for (const algorithm of [fixedWindow(), fixedWindow({ aligned: true }), gcra(), slidingLog()]) {
        const states = [null];
        let passed = 0;
        const first = ZERO - ZERO % windowMs;
        for (let period = 0; period < 10; period++) {
          passed += passes({ algorithm, policy }, states, first + period * windowMs, limit + 2);
        }
        assertEquals(passed, 10 * limit, algorithm.name);
      }
      const slot = Math.ceil(windowMs / Math.min(16, windowMs));
      const states = [null];
      for (let period = 0; period < 10; period++) {
        const now = ZERO + period * (windowMs + slot);
        assertEquals(passes({ algorithm: slidingWindow(), policy }, states, now, limit + 2), limit);
      }
    });
  }

  it("1000/s passes one each ms for 10 s, and not two", () => {
    for (const algorithm of [fixedWindow(), gcra(), slidingLog()]) {
      const one = { algorithm, policy: policyOf(1000, 1000) };
      const states = [null];
      let passed = 0;
      for (let ms = 0; ms < 10_000; ms++) passed += passes(one, states, ZERO + ms, 1);
      assertEquals(passed, 10_000, algorithm.name);
    }
  });

  it("windows of 30 and 365 days enforce", () => {
    for (const days of [30, 365]) {
      const windowMs = days * DAY_MS;
      const lease = `${days}d`;
      for (
        const algorithm of [fixedWindow(), gcra(), slidingLog(), slidingWindow(), concurrency({ lease })]
      ) {
        const one = { algorithm, policy: policyOf(1, windowMs) };
        const { state } = algorithm.step(null, one.policy, START, 1, null);
        for (let now = START; now < START + windowMs; now += DAY_MS) {
          assertEquals(passes(one, [state], now, 1), 0);
        }
        assertEquals(passes(one, [state], START + windowMs - 1, 1), 0);
        assertEquals(passes(one, [state], START + windowMs + windowMs / 16, 1), 1);
      }
    }
  });

  for (const { title, cases } of timed) {
    it(`${title}: a client at half the rate is never refused over 10 windows`, () => {
      fc.assert(
        fc.property(cases, (one) => {
          const { limit, windowMs } = one.policy;
          // One unit at a time, or, of large limits, a 40th of the limit every 20th of the window.
          const every = Math.ceil(limit < 40 ? 2 * windowMs / limit : windowMs / 20);
          const cost = limit < 40 ? 1 : Math.floor(limit / 40);
          if (cost > one.capacity) return;
          let state: unknown = null;
          for (let now = START; now <= START + 10 * windowMs; now += every) {
            const step = one.algorithm.step(state, one.policy, now, cost, null);
            assert(step.allowed, `at ${now - START}`);
            state = step.state;
          }
        }),
        { numRuns: 100 },
      );
    });

    it(`${title}: a request in the last ms before quota returns does not extend the wait`, () => {
      fc.assert(
        fc.property(cases, (one) => {
          const { algorithm, policy, capacity } = one;
          const { state } = algorithm.step(null, policy, START, capacity, null);
          const refused = algorithm.step(state, policy, START, 1, null);
          const last = algorithm.step(refused.state, policy, START + refused.retryAfterMs - 1, 1, null);
          assertEquals([last.allowed, last.retryAfterMs], [false, 1]);
          assert(algorithm.step(last.state, policy, START + refused.retryAfterMs, 1, null).allowed);
        }),
        { numRuns: 100 },
      );
    });
  }
});

describe("a limit that changes", () => {
  for (const { title, cases } of subjects) {
    it(`${title}: a raised limit counts at once, a lowered one never leaves less than nothing`, () => {
      fc.assert(
        fc.property(cases, fc.integer({ min: 1, max: 1_000_000 }), (one, other) => {
          const { algorithm, policy } = one;
          const changed = { algorithm, policy: { ...policy, limit: other } };
          if (algorithm.unsupported?.(other, policy.windowMs)) return;
          const { state } = algorithm.step(null, policy, START, one.capacity, null);
          const left = Math.max(0, (algorithm.capacity?.(other) as number) - one.capacity);
          assertEquals(look(changed, state, START).remaining, Math.min(other, left));
          const more = algorithm.step(state, changed.policy, START, Math.max(1, left), null);
          assertEquals(more.allowed, left > 0);
          assert(more.remaining === 0 && more.retryAfterMs >= 0);
        }),
        { numRuns: 200 },
      );
    });
  }

  it("a meter whose window changes owes as many units as before", () => {
    const { state } = gcra().step(null, policyOf(10, 1000), START, 7, null);
    for (const windowMs of [1, 999, 1001, 60_000, 365 * DAY_MS]) {
      assertEquals(look({ algorithm: gcra(), policy: policyOf(10, windowMs) }, state, START).remaining, 3);
    }
  });
});
