/**
 * What every store must do, as a table to run over a store of one's own.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { withBlock } from "../algorithms/block.ts";
import { concurrency } from "../algorithms/concurrency.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { gcra } from "../algorithms/gcra.ts";
import { slidingLog } from "../algorithms/sliding_log.ts";
import { slidingWindow } from "../algorithms/sliding_window.ts";
import type { Decision, Mode } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Check, Store } from "../stores/store.ts";

/** How the behaviours get at the store that is tried. */
export interface StoreUnderTest {
  /** Opens the store. Where it is shared, every call gives another instance on the same states. */
  open(): MaybePromise<Store>;
  /** Lets time pass by the store's own clock, in ms. Default: really waits, a few seconds in all. */
  advance?(ms: number): MaybePromise<void>;
}

/** One thing that every store must do. */
export interface StoreBehaviour {
  /** A sentence about it. */
  readonly name: string;
  /**
   * Tries it, under keys that nobody else uses.
   *
   * @throws {Error} When the store does something else.
   */
  run(subject: StoreUnderTest): Promise<void>;
}

const MINUTE_MS = 60_000;
/** One request in a window that may really have to be waited for: long beside the few calls made within it. */
const SHORT = { limit: 1, windowMs: 400 };

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  gcra(),
  slidingLog(),
  slidingWindow(),
  concurrency({ lease: "1min" }),
];

/** A rule to ask about: everything that matters little has a default. */
interface Asked {
  readonly rule?: string;
  readonly partition?: string;
  readonly limit?: number;
  readonly windowMs?: number;
  readonly mode?: Mode;
  readonly algorithm?: Algorithm;
  readonly cost?: number;
}

/** What one behaviour works with: checks under keys of its own. */
interface Trial {
  readonly store: Store;
  open(): MaybePromise<Store>;
  advance(ms: number): MaybePromise<void>;
  check(asked?: Asked): Check;
  ask(asked?: Asked): Promise<Decision>;
  askAll(asked: readonly Asked[], spend?: boolean): Promise<readonly Decision[]>;
  /** Corrects a charge by some units. */
  correct(asked: Asked, charge: Decision, units: number): Promise<Decision>;
}

function wait(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

async function trialOf({ open, advance = wait }: StoreUnderTest): Promise<Trial> {
  const store = await open();
  const own = crypto.randomUUID();
  function check(asked: Asked = {}): Check {
    const { rule = "rule", partition = "somebody", limit = 3, windowMs = MINUTE_MS, mode = "enforce" } =
      asked;
    const { algorithm = fixedWindow(), cost = 1 } = asked;
    const policy = { name: rule, limit, windowMs, mode };
    return { key: `${rule}:${own}:${partition}`, policy, algorithm, cost, since: null };
  }
  const askAll = async (asked: readonly Asked[], spend?: boolean): Promise<readonly Decision[]> =>
    await store.decide(asked.map(check), spend);
  return {
    store,
    open,
    advance,
    check,
    askAll,
    ask: async (asked = {}) => (await askAll([asked]))[0],
    correct: async (asked, { at = 0, chargedAt }, units) =>
      (await store.decide([{ ...check(asked), cost: units, since: chargedAt ?? at }]))[0],
  };
}

function expect(what: string, actual: unknown, wanted: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what} must be ${should}: current value is ${is}`);
}

const verdicts = (decisions: readonly Decision[]): boolean[] => decisions.map(({ allowed }) => allowed);
const left = (decisions: readonly Decision[]): number[] => decisions.map(({ remaining }) => remaining);

/** Texts that mean something to somebody: globs, hash tags, separators, what has no UTF-8. */
const ODD = [
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
];

const BEHAVIOURS: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
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
    expect("policies", decisions.map(({ policy }) => policy), ["a", "b"]);
    expect("costs", decisions.map(({ cost }) => cost), [1, 2]);
    expect("modes", decisions.map(({ mode }) => mode), ["enforce", "shadow"]);
    for (
      const { limit, windowMs, remaining, resetAfterMs, retryAfterMs, blocked, at, chargedAt } of decisions
    ) {
      expect("limit and window", [limit, windowMs], [3, MINUTE_MS]);
      expect("retryAfterMs and blocked", [retryAfterMs, blocked], [0, false]);
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

  "gives back what a correction says, never more than was used, and creates nothing": async (
    { ask, correct },
  ) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 10, rule: `${algorithm.name}` };
      const charge = await ask({ ...asked, cost: 4 });
      expect("one back", (await correct(asked, charge, -1)).remaining, 7);
      expect("too much back", (await correct(asked, charge, -1000)).remaining, 10);
      expect("remaining", (await ask(asked)).remaining, 9);
      const unknown = { ...asked, partition: "nobody" };
      expect("nothing to give back", (await correct(unknown, charge, -1)).remaining, 10);
      expect("remaining", (await ask(unknown)).remaining, 9);
    }
  },

  "charges what a correction adds, over the limit too, and refuses no correction": async (
    { ask, correct },
  ) => {
    const charge = await ask();
    const corrected = await correct({}, charge, 4);
    expect("verdict and remaining", [corrected.allowed, corrected.remaining], [true, 0]);
    expect("the next request", (await ask()).allowed, false);
  },

  "lets a refused cost pass when its retryAfterMs is over, under every algorithm that knows it": async (
    trial,
  ) => {
    const known = ALGORITHMS.filter(({ ownWindowMs }) => ownWindowMs === undefined);
    const asked = known.map((algorithm) => ({ ...SHORT, algorithm, rule: `${algorithm.name}` }));
    const refused = [];
    for (const one of asked) {
      await trial.ask(one);
      refused.push(await trial.ask(one));
    }
    expect("verdicts", verdicts(refused), refused.map(() => false));
    await trial.advance(Math.max(...refused.map(({ retryAfterMs }) => retryAfterMs)));
    const passed = [];
    for (const one of asked) passed.push(await trial.ask(one));
    expect("verdicts afterwards", verdicts(passed), passed.map(() => true));
  },

  "lets the whole quota pass again when resetAfterMs is over": async ({ ask, advance }) => {
    const asked = { ...SHORT, limit: 5 };
    const charge = await ask({ ...asked, cost: 5 });
    await advance(charge.resetAfterMs);
    expect("remaining", (await ask(asked)).remaining, 4);
  },

  "leaves the next window alone when a correction comes late": async ({ ask, correct, advance }) => {
    const asked = { ...SHORT, limit: 2 };
    const charge = await ask(asked);
    await advance(charge.resetAfterMs);
    expect("the next window", (await ask(asked)).remaining, 1);
    expect("after the correction", (await correct(asked, charge, -1)).remaining, 1);
  },

  "blocks a key that was refused too often, whatever its quota says": async ({ ask, askAll, advance }) => {
    const block = { after: 2, windowMs: MINUTE_MS, forMs: SHORT.windowMs, growth: 1, maxMs: MINUTE_MS };
    const blocked = { rule: "blocked", algorithm: withBlock(fixedWindow(), block) as Algorithm, limit: 1 };
    const other = { rule: "other" };
    await askAll([blocked, other]);
    const first = await askAll([blocked, other]);
    expect("the first refusal", [first[0].allowed, first[0].blocked], [false, false]);
    const second = await askAll([blocked, other]);
    expect("the second refusal", [second[0].allowed, second[0].blocked], [false, true]);
    expect("the rule beside it", second[1].remaining, 2);
    const raised = { ...blocked, limit: 10 };
    const during = await ask(raised);
    expect("a cost that fits, during the block", [during.allowed, during.blocked], [false, true]);
    await advance(during.retryAfterMs);
    expect("after the block", (await ask(raised)).allowed, true);
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
    await ask({ limit: 3, cost: 3 });
    expect("raised", (await ask({ limit: 5 })).remaining, 1);
    expect("lowered", (await ask({ limit: 2 })).remaining, 0);
  },

  "counts exactly up to 999,999,999,999,999": async ({ ask }) => {
    const limit = 999_999_999_999_999;
    expect("remaining", (await ask({ limit, cost: limit - 1 })).remaining, 1);
    expect("the last", (await ask({ limit })).allowed, true);
    expect("one too many", (await ask({ limit })).allowed, false);
  },

  "counts together with every other instance, where it says that it is shared": async (
    { ask, check, store, open },
  ) => {
    if (!store.shared) return;
    await ask({ limit: 1 });
    const [decision] = await (await open()).decide([check({ limit: 1 })]);
    expect("the other instance's verdict", decision.allowed, false);
  },
};

/**
 * What every store must do. Run each over a store of your own, with any test runner.
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
export const storeBehaviours: readonly StoreBehaviour[] = Object.entries(BEHAVIOURS).map(([name, tried]) => ({
  name,
  run: async (subject) => await tried(await trialOf(subject)),
}));
