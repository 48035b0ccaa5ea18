import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Algorithm } from "../../src/algorithms/algorithm.ts";
import { fixedWindow } from "../../src/algorithms/fixed_window.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import { slidingLog } from "../../src/algorithms/sliding_log.ts";
import { slidingWindow } from "../../src/algorithms/sliding_window.ts";
import {
  blocked,
  type Case,
  fixedWindows,
  look,
  meters,
  numbersIn,
  policyOf,
  said,
  slidings,
  START,
  type Subject,
  subjects,
  traces,
  type Visit,
  walk,
} from "../harness/algorithms.ts";

/** States a property over a walked trace, one of its visits, and a number. */
function each(
  list: readonly Subject[],
  title: string,
  check: (one: Case, visit: Visit, visits: readonly Visit[], number: number) => void,
): void {
  for (const subject of list) {
    it(`${subject.title}: ${title}`, () => {
      fc.assert(
        fc.property(subject.cases, traces(true, 20), fc.nat(), fc.nat(), (one, trace, place, number) => {
          const visits = [...walk(one, trace)];
          check(one, visits[place % visits.length], visits, number);
        }),
        { numRuns: 300 },
      );
    });
  }
}

/** A correction `after` ms later. */
function correct({ algorithm, policy }: Case, state: unknown, visit: Visit, cost: number, after = 0) {
  return algorithm.step(state, policy, visit.now + after, cost, visit.step.at as number);
}

const most = ({ policy, capacity }: Case) => Math.min(policy.limit, capacity);

describe("a correction", () => {
  each(subjects, "gives back at once what was charged", (one, visit) => {
    if (!visit.step.allowed) return;
    const before = look(one, visit.before, visit.now);
    const after = correct(one, visit.step.state, visit, -visit.cost);
    assertEquals([after.allowed, after.remaining, after.retryAfterMs], [true, before.remaining, 0]);
  });

  each(
    [...subjects, ...blocked(subjects)],
    "is never refused and says whole numbers that can be true",
    (one, visit, visits, number) => {
      const last = visits[visits.length - 1];
      for (const cost of [number % 10, -(number % 10), number, -number, Number.MAX_SAFE_INTEGER]) {
        const step = correct(one, last.step.state, visit, cost, number % (2 * one.policy.windowMs));
        assert(step.allowed && !step.blockedMs && step.retryAfterMs === 0);
        assert(step.remaining >= 0 && step.remaining <= one.policy.limit);
        assert(Number.isSafeInteger(step.resetAfterMs) && step.resetAfterMs >= 0);
        assert(numbersIn(step.state).every(Number.isSafeInteger), JSON.stringify(step.state));
      }
    },
  );

  each(
    subjects,
    "stops at nothing used, however much and often it gives back",
    (one, visit, visits) => {
      let { state } = visits[visits.length - 1].step;
      for (const cost of [-visit.cost, -visit.cost, -1000, -Number.MAX_SAFE_INTEGER]) {
        const step = correct(one, state, visit, cost);
        assert(step.remaining <= most(one));
        state = step.state;
      }
      const left = look(one, state, visit.now).remaining;
      const { algorithm, policy } = one;
      if (left < policy.limit) assert(!algorithm.step(state, policy, visit.now, left + 1, null).allowed);
    },
  );

  each(subjects, "of a key that is not there creates nothing", (one, visit, _, number) => {
    assertStrictEquals(correct(one, null, visit, -1 - number, number % one.policy.windowMs).state, null);
  });

  each([...subjects, ...blocked(subjects)], "of 0 changes nothing", (one, visit, visits) => {
    const { now, step: { state } } = visits[visits.length - 1];
    assertStrictEquals(correct(one, state, visit, 0, now - visit.now).state, state);
  });

  each(
    [...subjects, ...blocked(subjects)],
    "that gives back what has left already is ignored",
    (one, visit, visits, number) => {
      const last = visits[visits.length - 1];
      // When nothing of this visit can be used any more.
      const gone = (visit.step.at as number) + Math.max(one.recoveryMs, one.policy.windowMs);
      const now = Math.max(gone, last.now) + number % 1000;
      const { algorithm, policy } = one;
      const step = algorithm.step(last.step.state, policy, now, -visit.cost, visit.step.at as number);
      assertStrictEquals(step.state, last.step.state);
    },
  );

  each(
    subjects,
    "after the window has rolled leaves the new one untouched",
    (one, visit, _, number) => {
      if (!visit.step.allowed) return;
      const { algorithm, policy, capacity } = one;
      const wait = Math.max(one.recoveryMs, policy.windowMs) + (visit.step.at as number) - visit.now;
      const now = visit.now + Math.max(0, wait);
      const cost = 1 + number % capacity;
      const rolled = algorithm.step(visit.step.state, policy, now, Math.min(cost, capacity), null);
      if (!rolled.allowed) return;
      for (const change of [-visit.cost, visit.cost, 1 + number]) {
        const step = algorithm.step(rolled.state, policy, now, change, visit.step.at as number);
        assertStrictEquals(step.state, rolled.state);
      }
    },
  );

  each(subjects, "that adds counts as if it had been charged at once", (one, visit, _, number) => {
    if (!visit.step.allowed) return;
    const { algorithm, policy, capacity } = one;
    const extra = 1 + number % capacity;
    const both = correct(one, visit.step.state, visit, extra);
    const whole = algorithm.step(visit.before, policy, visit.now, visit.cost + extra, null);
    if (whole.allowed) assertEquals(look(one, both.state, visit.now), look(one, whole.state, visit.now));
    else assertEquals(look(one, both.state, visit.now).remaining, 0);
  });

  each(
    [...fixedWindows, ...slidings],
    "leaves a log or a window as if the real cost had been charged",
    (one, visit, _, number) => {
      if (!visit.step.allowed || visit.cost === 0) return;
      const { algorithm, policy } = one;
      const real = number % (visit.cost + 1);
      const later = number % policy.windowMs;
      const corrected = correct(one, visit.step.state, visit, real - visit.cost, later);
      const { state } = algorithm.step(visit.before, policy, visit.now, real, null);
      const seen = [corrected.state, state].map((state) => look(one, state, visit.now + later).remaining);
      assertEquals(seen[0], seen[1]);
    },
  );

  each(meters, "never takes more from a meter than what has not drained since", (one, visit, _, number) => {
    if (!visit.step.allowed) return;
    const later = number % one.policy.windowMs;
    const before = look(one, visit.step.state, visit.now + later).remaining;
    const after = correct(one, visit.step.state, visit, -visit.cost, later).remaining;
    const uncharged = look(one, visit.before, visit.now + later).remaining;
    assert(before <= after && after <= uncharged);
  });
});

describe("corrections, one by one", () => {
  const policy = policyOf(10, 1000);
  /** Remaining after a charge of 4 at 0, one of 3 at 400, and a correction of the first at 500. */
  const TABLE: readonly (readonly [string, Algorithm, change: number, remaining: number])[] = [
    ["fixedWindow", fixedWindow(), -4, 7],
    ["fixedWindow", fixedWindow(), -5, 8], // more than the charge: no more than its window had
    ["fixedWindow", fixedWindow(), 2, 1],
    ["fixedWindow", fixedWindow(), 20, 0],
    ["slidingLog", slidingLog(), -4, 7],
    ["slidingLog", slidingLog(), -5, 7], // that entry alone
    ["slidingLog", slidingLog(), 2, 1],
    ["slidingWindow", slidingWindow(), -4, 7],
    ["slidingWindow", slidingWindow(), -5, 7], // that slot alone
    ["gcra", gcra(), 0, 8], // 4 drained by 400, of the 3 one more by 500
    ["gcra", gcra(), -4, 8], // all 4 have drained
    ["gcra", gcra(), -6, 9], // one of 6 would be left
    ["gcra", gcra(), 2, 6],
    ["gcra", gcra(), 20, 0],
  ];
  for (const [name, algorithm, change, remaining] of TABLE) {
    it(`${name}: ${change} to an old charge leaves ${remaining} of 10`, () => {
      const first = algorithm.step(null, policy, START, 4, null);
      const second = algorithm.step(first.state, policy, START + 400, 3, null);
      const step = algorithm.step(second.state, policy, START + 500, change, first.at as number);
      assertEquals(step.remaining, remaining);
    });
  }

  it("reaches the window of a request that was charged nothing", () => {
    for (
      const algorithm of [
        fixedWindow(),
        fixedWindow({ aligned: true }),
        slidingLog(),
        slidingWindow(),
        gcra(),
      ]
    ) {
      const free = algorithm.step(null, policy, START, 0, null);
      assertEquals(free.state, null);
      const settled = algorithm.step(free.state, policy, START, 6, free.at as number);
      assertEquals(settled.remaining, 4, algorithm.name);
    }
    const later = fixedWindow().step(null, policy, START + 300, 6, START);
    assertEquals([later.remaining, later.resetAfterMs], [4, 700]);
  });

  it("given back twice takes nothing from others", () => {
    for (const algorithm of [slidingLog(), slidingWindow()]) {
      const first = algorithm.step(null, policy, START, 4, null);
      let { state } = algorithm.step(first.state, policy, START + 400, 3, null);
      for (let i = 0; i < 2; i++) {
        const step = algorithm.step(state, policy, START + 500, -4, first.at as number);
        assertEquals(step.remaining, 7, algorithm.name);
        state = step.state;
      }
    }
  });

  it("does not reach a window that opened after the key was forgotten", () => {
    const { state } = fixedWindow().step(null, policy, START + 10, 3, null);
    assertStrictEquals(fixedWindow().step(state, policy, START + 20, -3, START).state, state);
  });

  it("counts in full for a meter that others kept busy", () => {
    const algorithm = gcra();
    let state: unknown = null;
    for (let i = 0; i < 10; i++) state = algorithm.step(state, policy, START, 1, null).state;
    // All ten turn out to have cost 8: within the window nothing of it is lost.
    for (let i = 0; i < 10; i++) state = algorithm.step(state, policy, START + 900, 7, START).state;
    const { allowed, retryAfterMs } = algorithm.step(state, policy, START + 900, 1, null);
    assertEquals([allowed, retryAfterMs], [false, 6200]);
  });

  it("leaves nothing behind when the clock has stepped back", () => {
    for (const algorithm of [slidingLog(), slidingWindow(), gcra()]) {
      const { state, at } = algorithm.step(null, policy, START, 5, null);
      const refunded = algorithm.step(state, policy, START - 700, -5, at as number);
      const [a, b] = [refunded.state, null].map((state) =>
        algorithm.step(state, policy, START - 700, 10, null)
      );
      assertEquals(said(a), said(b), algorithm.name);
    }
  });

  it("keeps the very state where nothing is left to give back, also by a clock that has stepped back", () => {
    for (const algorithm of [slidingLog(), slidingWindow(), gcra()]) {
      const { state, at } = algorithm.step(null, policy, START, 5, null);
      const refunded = algorithm.step(state, policy, START, -5, at as number);
      const again = algorithm.step(refunded.state, policy, START - 700, -5, at as number);
      assert(again.state === refunded.state, algorithm.name);
    }
  });
});
