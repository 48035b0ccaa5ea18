/**
 * The behaviours that every store must show with calendar periods: its own clock picks the period.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import type { ChargedDecision } from "../decision.ts";
import { withBlock } from "../algorithms/block.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { type Behaviours, expect, left, MINUTE_MS, verdicts } from "./store_tools.ts";

/** Times around now, at these distances from it in minutes. */
const around = (at: number, ...minutes: readonly number[]): readonly number[] =>
  minutes.map((minute) => at + minute * MINUTE_MS);

/** Calendar periods. */
export const PERIODS: Behaviours = {
  "counts by the period that its own clock is in, whichever the asking process takes for the current one":
    async (
      { ask, askAll },
    ) => {
      const { at } = await ask({ partition: "somebody who reads the clock" });
      const times = around(at, -300, -180, -60, 120, 180, 300);
      const asked = { limit: 2 };
      // Of processes whose clocks are right, a period ahead, and a period behind.
      const lists = [times.slice(1, 5), times.slice(2, 6), times.slice(0, 4)];
      const decisions: ChargedDecision[] = [];
      for (const boundaries of lists) decisions.push(await ask({ ...asked, boundaries }));
      expect("verdicts", verdicts(decisions), [true, true, false]);
      expect("remaining", left(decisions), [1, 0, 0]);
      for (const { windowMs, resetAfterMs, at, chargedAt } of decisions) {
        expect("the period", [windowMs, chargedAt, at + resetAfterMs], [180 * MINUTE_MS, times[2], times[3]]);
      }
      const [{ at: refusedAt, retryAfterMs }] = decisions.filter(({ allowed }) => !allowed);
      expect("the end of the wait", refusedAt + retryAfterMs, times[3]);
      const [peeked] = await askAll([{ ...asked, cost: 0, boundaries: lists[0] }], false);
      expect("a peek", [peeked.remaining, peeked.windowMs], [0, 180 * MINUTE_MS]);
    },

  "gives the whole limit in a new period, and corrects no charge of another": async ({ ask, correct }) => {
    const { at } = await ask({ partition: "somebody who reads the clock" });
    const before = { limit: 2, boundaries: around(at, -120, -60, 60, 120) };
    const after = { limit: 2, boundaries: around(at, -60, -1, 60, 120) };
    const charge = await ask({ ...before, cost: 2 });
    expect("in the same period", (await ask(before)).allowed, false);
    const next = await ask(after);
    expect("in the next one", [next.allowed, next.remaining], [true, 1]);
    expect("a late refund", (await correct(after, charge, -2)).remaining, 1);
    expect("a refund", (await correct(after, next, -1)).remaining, 2);
  },

  "counts on in windows of a period's length where its clock is in none of the periods": async ({ ask }) => {
    const { at } = await ask({ partition: "somebody who reads the clock" });
    for (const minutes of [[-400, -300, -200, -100], [100, 200, 300, 400]]) {
      const asked = {
        partition: `${minutes}`,
        limit: 2,
        windowMs: 100 * MINUTE_MS,
        boundaries: around(at, ...minutes),
      };
      const decisions = [await ask(asked), await ask(asked), await ask(asked)];
      expect("verdicts", verdicts(decisions), [true, true, false]);
      const { resetAfterMs } = decisions[0];
      expect("resetAfterMs", resetAfterMs, 100 * MINUTE_MS);
      // A process whose clock is right goes on in the same count.
      const right = await ask({ ...asked, boundaries: around(at, -100, -1, 99, 200) });
      expect("verdict", [right.allowed, right.remaining], [false, 0]);
    }
  },

  "refuses outright under a block around calendar periods": async ({ ask }) => {
    const { at } = await ask({ partition: "somebody who reads the clock" });
    const boundaries = around(at, -120, -60, 60, 120);
    const block = { after: 2, windowMs: MINUTE_MS, forMs: 90 * MINUTE_MS, growth: 1, maxMs: 90 * MINUTE_MS };
    const algorithm = withBlock(fixedWindow(), block) as Algorithm;
    const asked = { limit: 1, boundaries, algorithm };
    const decisions = [];
    for (let i = 0; i < 3; i++) decisions.push(await ask(asked));
    expect("verdicts", verdicts(decisions), [true, false, false]);
    expect("blockedMs", decisions.map(({ blockedMs }) => blockedMs), [0, 0, 90 * MINUTE_MS]);
  },
};
