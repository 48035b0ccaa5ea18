/**
 * The behaviours that every store must show with real costs, refunds and slots.
 *
 * @module
 */

import { concurrency } from "../algorithms/concurrency.ts";
import { ALGORITHMS, type Behaviours, expect, left, MINUTE_MS, TIMED, verdicts } from "./store_tools.ts";

/** Corrections: the real cost of a request, found out after it was charged. */
export const CORRECTIONS: Behaviours = {
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
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, rule: `${algorithm.name}` };
      const charge = await ask(asked);
      const corrected = await correct(asked, charge, 4);
      expect("verdict and remaining", [corrected.allowed, corrected.remaining], [true, 0]);
      expect("the next request", (await ask(asked)).allowed, false);
    }
  },

  "corrects the charge in question, whatever was charged since, and changes nothing for 0": async (
    { ask, correct },
  ) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 10, rule: `${algorithm.name}` };
      const charge = await ask({ ...asked, cost: 4 });
      await ask({ ...asked, cost: 3 });
      expect("no change", (await correct(asked, charge, 0)).remaining, 3);
      expect("less", (await correct(asked, charge, -3)).remaining, 6);
      expect("more", (await correct(asked, charge, 2)).remaining, 4);
    }
  },

  "names each charge by its own time, under every algorithm": async ({ ask, correct, advance }) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 5, rule: `${algorithm.name}` };
      const first = await ask(asked);
      await advance(20);
      const second = await ask({ ...asked, cost: 2 });
      expect(`${asked.rule}: the second, given back`, (await correct(asked, second, -2)).remaining, 4);
      expect(`${asked.rule}: the first, given back`, (await correct(asked, first, -1)).remaining, 5);
    }
  },

  "lets exactly what was given back pass of many requests at once": async ({ ask, correct }) => {
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, limit: 10, rule: `${algorithm.name}` };
      const charges = await Promise.all(Array.from({ length: 10 }, () => ask(asked)));
      const given = await Promise.all(charges.slice(0, 4).map((charge) => correct(asked, charge, -1)));
      expect("remaining", left(given).sort(), [1, 2, 3, 4]);
      const decisions = await Promise.all(Array.from({ length: 20 }, () => ask(asked)));
      expect(`${asked.rule}: passed`, verdicts(decisions).filter(Boolean).length, 4);
    }
  },

  "leaves the next window, or a slot's next holder, alone when a correction comes late": async (
    { ask, correct, advance, shortWindow },
  ) => {
    const windowMs = shortWindow();
    const lease = concurrency({ lease: windowMs / 1000 });
    const asked = [...TIMED, lease].map((algorithm) => (
      { limit: 1, windowMs, algorithm, rule: `${algorithm.name}` }
    ));
    const charges = [];
    for (const one of asked) charges.push(await ask(one));
    await advance(Math.max(...charges.map(({ resetAfterMs }) => resetAfterMs)));
    for (const [i, one] of asked.entries()) {
      const next = await ask(one);
      expect(`${one.rule}: the next`, [next.allowed, next.remaining], [true, 0]);
      expect(`${one.rule}: after giving back`, (await correct(one, charges[i], -1)).remaining, 0);
      await correct(one, charges[i], 5);
      expect(`${one.rule}: after adding, without the next`, (await correct(one, next, -1)).remaining, 1);
    }
  },

  "frees a slot once, however often it is given back": async ({ ask, correct, advance }) => {
    const asked = { algorithm: concurrency({ lease: MINUTE_MS / 1000 }), limit: 2 };
    const first = await ask(asked);
    await advance(2);
    await ask(asked);
    const refused = await ask(asked);
    expect("a third", [refused.allowed, refused.retryAfterMs], [false, 1000]);
    expect("given back", (await correct(asked, first, -1)).remaining, 1);
    expect("given back again", (await correct(asked, first, -1)).remaining, 1);
    await advance(2);
    expect("the next holder", (await ask(asked)).allowed, true);
    expect("given back once more", (await correct(asked, first, -1)).remaining, 0);
  },

  "corrects nothing of a key that was forgotten": async ({ ask, correct, check, store }) => {
    if (store.forget === undefined) return;
    for (const algorithm of ALGORITHMS) {
      const asked = { algorithm, rule: `${algorithm.name}` };
      const charge = await ask(asked);
      await store.forget(check(asked).key);
      expect("after the correction", (await correct(asked, charge, -1)).remaining, 3);
      expect("the next request", (await ask(asked)).remaining, 2);
    }
  },
};
