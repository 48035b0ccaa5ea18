/**
 * The behaviours that every store must show in keeping states: whose they are, how long they live, and who else sees them.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { withBlock } from "../algorithms/block.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import type { ChargedDecision } from "../decision.ts";
import { ALGORITHMS, type Behaviours, expect, MINUTE_MS, TIMED } from "./store_tools.ts";

/** Algorithms no two of which read each other's states. */
const FORMS: readonly Algorithm[] = [
  ...ALGORITHMS,
  withBlock(fixedWindow(), {
    after: 9,
    windowMs: MINUTE_MS,
    forMs: MINUTE_MS,
    growth: 1,
    maxMs: MINUTE_MS,
  }) as Algorithm,
];

/** A window of no whole number of seconds, for stores whose expiry counts in those. */
const UNEVEN_MS = 1900;

/** States, from the outside. */
export const KEEPING: Behaviours = {
  "takes another algorithm's state for none": async ({ ask }) => {
    for (const [i, before] of FORMS.entries()) {
      for (const [j, after] of FORMS.entries()) {
        if (i === j) continue;
        const partition = `${i} ${j}`;
        await ask({ partition, algorithm: before, cost: 2 });
        const { allowed, remaining, resetAfterMs } = await ask({ partition, algorithm: after });
        const sane = resetAfterMs > 0 && resetAfterMs <= 2 * MINUTE_MS;
        expect(`form ${j} after form ${i}`, [allowed, remaining, sane], [true, 2, true]);
      }
    }
  },

  "keeps a charge until its resetAfterMs is over, the last of several too": async (
    { ask, askAll, advance, marginMs },
  ) => {
    const asked = TIMED.map((algorithm) => ({
      algorithm,
      rule: `${algorithm.name}`,
      limit: 2,
      windowMs: UNEVEN_MS,
    }));
    const charges: ChargedDecision[] = [];
    for (const one of asked) {
      await ask(one);
      charges.push(await ask(one));
    }
    await advance(Math.min(...charges.map(({ resetAfterMs }) => resetAfterMs)) - marginMs);
    const peeked = await askAll(asked.map((one) => ({ ...one, cost: 0 })), false);
    peeked.forEach(({ at, remaining }, i) => {
      // A machine that is busy may come too late; the charge may be over then.
      if (at >= charges[i].at + charges[i].resetAfterMs) return;
      expect(`${asked[i].rule}: is a unit still used`, remaining < 2, true);
    });
  },

  "counts together with every other instance, where it says that it is shared": async (
    { ask, check, store, open },
  ) => {
    if (!store.shared) return;
    await ask({ limit: 1 });
    const [decision] = await (await open()).decide([check({ limit: 1 })]);
    expect("the other instance's verdict", decision.allowed, false);
  },

  "lets exactly the limit pass of 100 requests to two instances at once, where it is shared": async (
    { check, store, open },
  ) => {
    if (!store.shared) return;
    const stores = [store, await open()];
    for (const algorithm of ALGORITHMS) {
      const asked = check({ algorithm, limit: 10, rule: `${algorithm.name}` });
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, i) => await stores[i % 2].decide([asked])),
      );
      expect(`${algorithm.name}: passed`, answers.filter(([{ allowed }]) => allowed).length, 10);
    }
  },
};
