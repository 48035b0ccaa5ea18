/**
 * The behaviours that every store must show, as a table to run over a store of one's own.
 *
 * @module
 */

import { concurrency } from "../algorithms/concurrency.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { gcra } from "../algorithms/gcra.ts";
import { CORRECTIONS } from "./correction_behaviours.ts";
import { KEEPING } from "./keeping_behaviours.ts";
import { PENALTIES } from "./penalty_behaviours.ts";
import { PERIODS } from "./period_behaviours.ts";
import {
  ALGORITHMS,
  type Behaviours,
  expect,
  left,
  MINUTE_MS,
  runBehaviour,
  type StoreUnderTest,
  TIMED,
  verdicts,
} from "./store_tools.ts";

/** One behaviour that every store must show. */
export interface StoreBehaviour {
  /** A sentence about it. */
  readonly name: string;
  /**
   * Tries it, under keys of its own.
   *
   * @throws {Error} When the store does something else.
   */
  run(subject: StoreUnderTest): Promise<void>;
}

/** Texts that mean something to some database: globs, hash tags, separators, numbers, text without UTF-8, long text. */
const ODD = [
  "a",
  "*",
  "?",
  "[a]",
  "{a}",
  "{b}",
  "a\nb",
  "a\0b",
  "a b",
  ":",
  "",
  "ä",
  "a\u0308",
  "\uD800",
  "\uD801",
  "\uFFFD",
  "A",
  "a ",
  "1",
  "01",
  "1.0",
  `${"long".repeat(250)}1`,
  `${"long".repeat(250)}2`,
];

/** All behaviours, by their sentences. */
export const BEHAVIOURS: Behaviours = {
  "lets exactly the limit pass, for limits of 1, 2 and 3 under every algorithm": async ({ ask }) => {
    for (const algorithm of ALGORITHMS) {
      for (const limit of [1, 2, 3]) {
        const asked = { algorithm, limit, rule: `${algorithm.name}-${limit}` };
        const decisions = [];
        for (let i = 0; i <= limit; i++) decisions.push(await ask(asked));
        expect(`${asked.rule}: verdicts`, verdicts(decisions), decisions.map((_, i) => i < limit));
        expect(
          `${asked.rule}: remaining`,
          left(decisions),
          decisions.map((_, i) => Math.max(0, limit - 1 - i)),
        );
      }
    }
  },

  "lets exactly the limit pass of 100 requests at once, under every algorithm": async ({ ask }) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 10, rule: `${algorithm.name}` };
      const decisions = await Promise.all(Array.from({ length: 100 }, () => ask(asked)));
      expect(`${asked.rule}: passed`, verdicts(decisions).filter(Boolean).length, 10);
    }
  },

  "answers each check in order, with what was asked and the numbers of its own clock": async ({ askAll }) => {
    const decisions = await askAll([{ rule: "a" }, { rule: "b", cost: 2, mode: "shadow" }]);
    expect("policies", decisions.map(({ rule }) => rule), ["a", "b"]);
    expect("costs", decisions.map(({ cost }) => cost), [1, 2]);
    expect("modes", decisions.map(({ mode }) => mode), ["enforce", "shadow"]);
    for (
      const { limit, windowMs, remaining, resetAfterMs, retryAfterMs, blockedMs, at, chargedAt } of decisions
    ) {
      expect("limit and window", [limit, windowMs], [3, MINUTE_MS]);
      expect("retryAfterMs and blockedMs", [retryAfterMs, blockedMs], [0, 0]);
      expect("integers", [remaining, resetAfterMs, at, chargedAt].every(Number.isSafeInteger), true);
      expect("resetAfterMs", resetAfterMs > 0 && resetAfterMs <= MINUTE_MS, true);
    }
    expect("the answer to no question", await askAll([]), []);
  },

  "charges nothing for a refused request: a cheaper one still passes": async ({ ask }) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 10, rule: `${algorithm.name}` };
      expect("9 of 10", (await ask({ ...asked, cost: 9 })).allowed, true);
      const refused = await ask({ ...asked, cost: 5 });
      expect("5 of 1", [refused.allowed, refused.remaining, refused.retryAfterMs > 0], [false, 1, true]);
      expect("1 of 1", (await ask(asked)).allowed, true);
    }
  },

  "charges no rule when one refuses, and shows what is left without the charge": async ({ ask, askAll }) => {
    for (const algorithm of ALGORITHMS) {
      const full = { algorithm, rule: `${algorithm.name}-full`, limit: 1 };
      const roomy = { algorithm, rule: `${algorithm.name}-roomy`, limit: 5 };
      await ask(full);
      const decisions = await askAll([roomy, full]);
      expect("verdicts", verdicts(decisions), [true, false]);
      expect("remaining", left(decisions), [5, 0]);
      expect("remaining of the roomy one", (await ask(roomy)).remaining, 4);
    }
  },

  "charges rules beside a shadow rule that refuses, but that rule no more": async ({ askAll }) => {
    const [shadow, enforce] = [{ rule: "shadow", limit: 1, mode: "shadow" as const }, { rule: "enforce" }];
    await askAll([shadow, enforce]);
    const decisions = await askAll([shadow, enforce]);
    expect("verdicts", verdicts(decisions), [false, true]);
    expect("remaining", left(decisions), [0, 1]);
  },

  "charges no shadow rule for what an enforced one refuses": async ({ askAll }) => {
    const [shadow, enforce] = [{ rule: "shadow", mode: "shadow" as const }, { rule: "enforce", limit: 1 }];
    await askAll([shadow, enforce]);
    for (let i = 0; i < 2; i++) {
      const decisions = await askAll([shadow, enforce]);
      expect("verdicts", verdicts(decisions), [true, false]);
      expect("remaining", left(decisions), [2, 0]);
    }
  },

  "charges the trial of a rule where that rule alone refuses": async ({ askAll }) => {
    const live = { rule: "live", limit: 1 };
    const trial = { rule: "live.trial", limit: 2, mode: "shadow" as const, trialOf: "live" };
    const seen = [];
    for (let i = 0; i < 3; i++) seen.push(await askAll([live, trial, { rule: "other", limit: 9 }]));
    expect("verdicts", seen.map(verdicts), [[true, true, true], [false, true, true], [false, false, true]]);
    expect("remaining", seen.map(left), [[0, 1, 8], [0, 0, 8], [0, 0, 8]]);
  },

  "charges no trial where another rule refuses": async ({ askAll }) => {
    const trial = { rule: "live.trial", mode: "shadow" as const, trialOf: "live" };
    for (const limits of [[9, 1], [1, 1]]) {
      const [live, other] = limits.map((limit, i) => ({ rule: `${i === 0 ? "live" : "other"}`, limit }));
      const asked = [live, other, { ...trial, partition: String(limits) }].map((one) => ({
        partition: String(limits),
        ...one,
      }));
      await askAll(asked);
      for (let i = 0; i < 2; i++) expect("remaining of the trial", left(await askAll(asked))[2], 2);
    }
  },

  "charges all of three different rules, or none": async ({ askAll }) => {
    const asked = [fixedWindow(), gcra(), concurrency({ lease: "1min" })].map((algorithm, i) => ({
      algorithm,
      limit: 2 + i,
      rule: `${algorithm.name}`,
    }));
    expect("the first", left(await askAll(asked)), [1, 2, 3]);
    expect("the second", left(await askAll(asked)), [0, 1, 2]);
    for (const order of [asked, [...asked].reverse()]) {
      const refused = await askAll(order);
      expect("verdicts", verdicts(refused), order.map(({ limit }) => limit > 2));
      expect("remaining", left(refused), order.map(({ limit }) => limit - 2));
    }
  },

  "peeks without spending, and says whether the request's own cost would pass": async ({ ask, askAll }) => {
    await ask();
    const peeked = await askAll([{ cost: 2 }, { rule: "fresh" }], false);
    expect("verdicts", verdicts(peeked), [true, true]);
    expect("remaining", left(peeked), [2, 3]);
    expect("a peek at too much", verdicts(await askAll([{ cost: 3 }], false)), [false]);
    expect("remaining afterwards", left(await askAll([{}, { rule: "fresh" }])), [1, 2]);
  },

  "changes nothing for a cost of 0": async ({ ask }) => {
    expect("remaining", (await ask({ cost: 0 })).remaining, 3);
    await ask({ cost: 3 });
    expect("verdict", (await ask({ cost: 0 })).allowed, true);
    expect("remaining", (await ask({ cost: 0 })).remaining, 0);
  },

  "lets a refused cost pass when its retryAfterMs is over, under every algorithm that knows it": async (
    { ask, advance, shortWindow },
  ) => {
    const short = { limit: 1, windowMs: shortWindow() };
    const asked = TIMED.map((algorithm) => ({ ...short, algorithm, rule: `${algorithm.name}` }));
    const refused = [];
    for (const one of asked) {
      await ask(one);
      refused.push(await ask(one));
    }
    expect("verdicts", verdicts(refused), refused.map(() => false));
    await advance(Math.max(...refused.map(({ retryAfterMs }) => retryAfterMs)));
    const passed = [];
    for (const one of asked) passed.push(await ask(one));
    expect("verdicts afterwards", verdicts(passed), passed.map(() => true));
  },

  "lets the whole quota pass again when resetAfterMs is over": async ({ ask, advance, shortWindow }) => {
    const asked = { limit: 5, windowMs: shortWindow() };
    const charge = await ask({ ...asked, cost: 5 });
    await advance(charge.resetAfterMs);
    expect("remaining", (await ask(asked)).remaining, 4);
  },

  "takes every key literally, in deciding and in forgetting": async ({ ask, check, store }) => {
    for (const partition of ODD) {
      expect(`the first of ${JSON.stringify(partition)}`, (await ask({ partition, limit: 1 })).allowed, true);
    }
    if (store.forget === undefined) return;
    for (const partition of ODD) {
      await store.forget(check({ partition }).key);
      const passed = [];
      for (const other of ODD) passed.push((await ask({ partition: other, limit: 1, cost: 1 })).allowed);
      expect(
        `passing after ${JSON.stringify(partition)} is forgotten`,
        passed,
        ODD.map((o) => o === partition),
      );
    }
  },

  "keeps the counts of rules apart": async ({ ask }) => {
    await ask({ rule: "a", limit: 1 });
    expect("the other rule", (await ask({ rule: "b", limit: 1 })).allowed, true);
    expect(
      "the same text cut elsewhere",
      (await ask({ rule: "a", partition: "somebody:", limit: 1 })).allowed,
      true,
    );
  },

  "takes a raised limit into account at once, and shows no less than 0 of a lowered one": async ({ ask }) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, rule: `${algorithm.name}` };
      await ask({ ...asked, limit: 3, cost: 3 });
      const raised = await ask({ ...asked, limit: 5 });
      expect("raised", [raised.allowed, raised.remaining], [true, 1]);
      const lowered = await ask({ ...asked, limit: 2 });
      expect("lowered", [lowered.allowed, lowered.remaining, lowered.retryAfterMs > 0], [false, 0, true]);
      expect("free of charge", (await ask({ ...asked, limit: 2, cost: 0 })).remaining, 0);
      expect("raised again", (await ask({ ...asked, limit: 9 })).remaining, 4);
    }
  },

  "gives each key the limit that it is asked with: those of other plans have theirs": async ({ ask }) => {
    for (const [partition, limit] of [["free", 1], ["paid", 3]] as const) {
      const decisions = [];
      for (let i = 0; i < 4; i++) decisions.push(await ask({ partition, limit }));
      expect(partition, verdicts(decisions), decisions.map((_, i) => i < limit));
    }
  },

  "counts exactly up to 999,999,999,999,999": async ({ ask }) => {
    const limit = 999_999_999_999_999;
    expect("remaining", (await ask({ limit, cost: limit - 1 })).remaining, 1);
    expect("the last", (await ask({ limit })).allowed, true);
    expect("one too many", (await ask({ limit })).allowed, false);
  },

  ...KEEPING,
  ...PERIODS,
  ...CORRECTIONS,
  ...PENALTIES,
};

/**
 * The behaviours that every store must show: the contract of {@link Store} as tests. Run each over a store of your own, with
 * any test runner. A store that is `shared` is opened a second time, to ask two instances at once.
 *
 * @example
 * ```ts
 * import { memoryStore } from "@weir/throttle";
 * import { manualClock, storeBehaviours } from "@weir/throttle/testing";
 *
 * const clock = manualClock();
 * for (const { name, run } of storeBehaviours) {
 *   // with a runner: test(name, () => run({ … }))
 *   await run({ open: () => memoryStore({ clock }), advance: (ms) => clock.advance(ms) });
 * }
 * ```
 */
export const storeBehaviours: readonly StoreBehaviour[] = Object.entries(BEHAVIOURS).map((
  [name, behaviour],
) => ({
  name,
  run: (subject) => runBehaviour(behaviour, subject),
}));
