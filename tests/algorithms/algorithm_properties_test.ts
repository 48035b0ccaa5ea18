import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  blocked,
  type Case,
  fixedWindows,
  isMended,
  logs,
  look,
  meters,
  type Move,
  numbersIn,
  said,
  slidings,
  START,
  type Subject,
  subjects,
  timed,
  traces,
  type Visit,
  walk,
} from "../harness/algorithms.ts";

const RUNS = 150;

/** States a property for each of the subjects, over random policies and traces. */
function each(
  list: readonly Subject[],
  title: string,
  check: (one: Case, trace: readonly Move[], die: number) => void,
  back = true,
): void {
  for (const subject of list) {
    it(`${subject.title}: ${title}`, () => {
      fc.assert(
        fc.property(subject.cases, traces(back), fc.integer({ min: 0, max: 2 ** 31 - 1 }), check),
        { numRuns: RUNS },
      );
    });
  }
}

/** A number from 0 up to, but without, `end`, from what a die showed. */
function below(end: number, die: number): number {
  return Math.floor(end * (die / 2 ** 31));
}

describe("every algorithm, under any policy and clock", () => {
  each([...subjects, ...blocked(subjects)], "says whole numbers that can be true", (one, trace) => {
    for (const { step } of walk(one, trace)) {
      const { remaining, resetAfterMs, retryAfterMs, ttlMs, at, blockedMs } = step;
      for (const number of [remaining, resetAfterMs, ttlMs, at, blockedMs ?? 0]) {
        assert(Number.isSafeInteger(number) && number as number >= 0, JSON.stringify(step));
      }
      assert(remaining <= one.policy.limit, JSON.stringify(step));
      assert(step.allowed ? retryAfterMs === 0 : Number.isSafeInteger(retryAfterMs) && retryAfterMs > 0);
      assert(numbersIn(step.state).every(Number.isSafeInteger), JSON.stringify(step.state));
    }
  });

  each(subjects, "passes exactly what is left", (one, trace) => {
    for (const { now, step } of walk(one, trace)) {
      const left = look(one, step.state, now).remaining;
      const { algorithm, policy } = one;
      // A meter may hold more than the limit, which is the most that `remaining` shows.
      if (left < policy.limit) assert(!algorithm.step(step.state, policy, now, left + 1, null).allowed);
      assert(left === 0 || algorithm.step(step.state, policy, now, left, null).allowed);
    }
  });

  each(subjects, "a refused request changes nothing", (one, trace) => {
    for (const { before, step } of walk(one, trace)) {
      if (!step.allowed) assertStrictEquals(step.state, before);
    }
  });

  each([...subjects, ...blocked(subjects)], "cost 0 changes nothing", (one, trace) => {
    for (const { now, step } of walk(one, trace)) {
      assertStrictEquals(look(one, step.state, now).state, step.state);
    }
  });

  each(
    [...timed, ...blocked(timed)],
    "is refused at every instant before retryAfterMs and allowed at it",
    (one, trace, die) => {
      for (const { now, cost, step } of walk(one, trace)) {
        if (step.allowed) continue;
        const retry = (afterMs: number) =>
          one.algorithm.step(step.state, one.policy, now + afterMs, cost, null).allowed;
        assert(retry(step.retryAfterMs));
        // The refusal itself may have begun a block, or not: only without one are the instants before alike.
        for (const afterMs of [step.retryAfterMs - 1, below(step.retryAfterMs, die)]) assert(!retry(afterMs));
      }
    },
  );

  each(
    [...subjects, ...blocked(subjects)],
    "a state past its time to live equals no state",
    (one, trace, die) => {
      const visits = [...walk(one, trace)];
      const { now, step } = visits[below(visits.length, die)];
      // Code that packs states asks the step itself whether one is over.
      assertEquals(look(one, step.state, now + step.ttlMs).ttlMs, 0);
      const shift = now + step.ttlMs + below(2 * one.policy.windowMs, die) * (die % 2);
      let [old, none]: [unknown, unknown] = [step.state, null];
      let at = shift;
      for (const visit of visits) {
        at = Math.max(shift, at + (visit.now - START) % (2 * one.policy.windowMs));
        const [a, b] = [old, none].map((state) =>
          one.algorithm.step(state, one.policy, at, visit.cost, null)
        );
        assertEquals(said(a), said(b));
        [old, none] = [a.state, b.state];
      }
    },
  );

  each(subjects, "nothing is used from resetAfterMs on, and something before it", (one, trace) => {
    for (const { now, step } of walk(one, trace)) {
      const { resetAfterMs } = look(one, step.state, now);
      const then = look(one, step.state, now + resetAfterMs);
      assertEquals([then.resetAfterMs, then.remaining], [0, Math.min(one.policy.limit, one.capacity)]);
      if (resetAfterMs > 0) assertEquals(look(one, step.state, now + resetAfterMs - 1).resetAfterMs, 1);
    }
  });

  each(subjects, "everything is back once its time has passed after a charge", (one, trace) => {
    for (const { now, step } of walk(one, trace)) {
      const last = Math.max(
        now,
        ...step.state === null ? [] : [now + look(one, step.state, now).resetAfterMs],
      );
      assertEquals(look(one, step.state, last).remaining, Math.min(one.policy.limit, one.capacity));
    }
    const { algorithm, policy, capacity, recoveryMs } = one;
    const full = algorithm.step(null, policy, START, capacity, null);
    assert(full.resetAfterMs <= recoveryMs);
  });

  each(
    subjects,
    "a clock that steps back by up to a window neither adds nor removes quota",
    (one, trace, die) => {
      let latest = START;
      for (const { now, before, step } of walk(one, trace)) {
        latest = Math.max(latest, now);
        if (step.state === before) continue;
        const back = below(2 * one.policy.windowMs, die);
        // Times that lie further ahead than a window may be taken for others.
        if (latest - (now - back) > one.policy.windowMs && isMended(one, step.state, now - back)) continue;
        const [here, there] = [look(one, step.state, now), look(one, step.state, now - back)];
        assertEquals(there.remaining, here.remaining);
        if (here.resetAfterMs > 0) assertEquals(there.resetAfterMs, here.resetAfterMs + back);
      }
    },
  );
});

describe("a clock that was far ahead", () => {
  each(
    logs,
    "nobody waits longer than a window after what a clock one window ahead would enter, and no refusal makes it longer",
    (one, trace, die) => {
      const { algorithm, policy, capacity, recoveryMs } = one;
      const { windowMs } = policy;
      for (const { now, step } of walk(one, trace)) {
        const back = Math.max(0, now - below(100 * windowMs, die));
        const left = look(one, step.state, back);
        // Nothing is given away.
        assert(left.remaining <= look(one, step.state, now).remaining);
        assert(left.resetAfterMs <= windowMs + recoveryMs, `${left.resetAfterMs}`);
        // Time goes on as it does, whoever asks and is refused meanwhile.
        let { state } = algorithm.step(step.state, policy, back, capacity, null);
        if (left.remaining === capacity) continue;
        for (const part of [0.3, 0.7, 1]) {
          const later = back + Math.floor(part * (left.resetAfterMs - 1));
          const again = algorithm.step(state, policy, later, capacity, null);
          assertEquals(again.allowed, false);
          state = again.state;
        }
        assert(algorithm.step(state, policy, back + left.resetAfterMs, capacity, null).allowed);
      }
    },
  );

  each(logs, "a charge of then gives nothing back, and what is added to it counts now", (one, trace, die) => {
    const { algorithm, policy, recoveryMs } = one;
    for (const { now, step } of walk(one, trace)) {
      const back = now - 1 - policy.windowMs - below(100 * policy.windowMs, die);
      if (back < 0 || !step.allowed || (step.at as number) <= back + recoveryMs) continue;
      const left = look(one, step.state, back).remaining;
      const less = algorithm.step(step.state, policy, back, -1, step.at as number);
      assertEquals([less.remaining, less.allowed], [left, true]);
      const more = algorithm.step(less.state, policy, back, 1, step.at as number);
      assertEquals(more.remaining, Math.max(0, left - 1));
      assert(more.resetAfterMs <= policy.windowMs + recoveryMs);
    }
  });
});

/** The most units that are in one window's length of charges, half open, by the times that they were entered under. */
function most(charges: readonly (readonly [at: number, units: number])[], windowMs: number): number {
  let [busiest, inside, left] = [0, 0, 0];
  for (const [at, units] of charges) {
    inside += units;
    while (charges[left][0] <= at - windowMs) inside -= charges[left++][1];
    busiest = Math.max(busiest, inside);
  }
  return busiest;
}

function chargesOf(visits: Iterable<Visit>, timeOf: (visit: Visit) => number): [number, number][] {
  return [...visits].filter(({ step, cost }) => step.allowed && cost > 0)
    .map((visit) => [timeOf(visit), visit.cost]);
}

describe("how much passes in any window", () => {
  each(slidings, "never more than the limit", (one, trace) => {
    const { limit, windowMs } = one.policy;
    assert(most(chargesOf(walk(one, trace), ({ now }) => now), windowMs) <= limit);
  }, false);

  each(slidings, "never more than the limit as entered, when the clock steps back", (one, trace) => {
    const { limit, windowMs } = one.policy;
    assert(most(chargesOf(walk(one, trace), ({ step }) => step.at as number), windowMs) <= limit);
  });

  each(meters, "never more than burst + limit - 1", (one, trace) => {
    const { limit, windowMs } = one.policy;
    assert(most(chargesOf(walk(one, trace), ({ now }) => now), windowMs) <= one.capacity + limit - 1);
  }, false);

  each(fixedWindows, "never more than twice the limit", (one, trace) => {
    const { limit, windowMs } = one.policy;
    assert(most(chargesOf(walk(one, trace), ({ now }) => now), windowMs) <= 2 * limit);
  }, false);

  each(
    [slidings[1]],
    "a unit comes back at most window / slots late",
    ({ algorithm, policy, recoveryMs }, _, die) => {
      const { state, at } = algorithm.step(null, policy, START + (die % 10_000), policy.limit, null);
      const now = START + (die % 10_000);
      assert(at as number >= now);
      assert(algorithm.step(state, policy, now + recoveryMs, 1, null).allowed);
      assert(!algorithm.step(state, policy, now + policy.windowMs - 1, 1, null).allowed);
    },
  );

  each([slidings[1]], "takes no more memory than its slots", (one, trace) => {
    const slots = Math.ceil(one.policy.windowMs / (one.recoveryMs - one.policy.windowMs + 1));
    for (const { step } of walk(one, trace)) assert(numbersIn(step.state).length <= 2 * (slots + 1));
  });
});
