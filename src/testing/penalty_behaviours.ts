/**
 * The behaviours that every store must show under blocks.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { type Block, withBlock } from "../algorithms/block.ts";
import type { Decision } from "../decision.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { type Behaviours, type CheckSketch, expect, left, MINUTE_MS } from "./store_tools.ts";

/** A block that need not end, and leaves room for longer ones. */
const LONG_MS = MINUTE_MS / 4;

/** One request per minute under a block, by default one from the second refusal on. */
function penal(block: Partial<Block> = {}): CheckSketch {
  const whole = {
    after: 2,
    windowMs: MINUTE_MS,
    forMs: LONG_MS,
    growth: 1,
    maxMs: MINUTE_MS,
    ...block,
  };
  return { rule: "blocked", algorithm: withBlock(fixedWindow(), whole) as Algorithm, limit: 1 };
}

/** Does a block refuse? */
const isBlock = ({ blockedMs }: Decision): boolean => blockedMs > 0;

/** More than can ever pass: a refusal that does not depend on earlier charges. */
const TOO_MUCH = 2;

/** Blocks: refusals that are remembered. */
export const PENALTIES: Behaviours = {
  "blocks a key that was refused too often, whatever its quota says": async (
    { ask, askAll, advance, shortWindow },
  ) => {
    const blocked = penal({ forMs: shortWindow() });
    const other = { rule: "other" };
    await askAll([blocked, other]);
    const first = await askAll([blocked, other]);
    expect("the first refusal", [first[0].allowed, isBlock(first[0])], [false, false]);
    const second = await askAll([blocked, other]);
    expect("the second refusal", [second[0].allowed, isBlock(second[0])], [false, true]);
    expect("the rule beside it", second[1].remaining, 2);
    const raised = { ...blocked, limit: 10 };
    const during = await ask(raised);
    expect("a cost that fits, during the block", [during.allowed, isBlock(during)], [false, true]);
    await advance(during.retryAfterMs);
    expect("after the block", (await ask(raised)).allowed, true);
  },

  "counts neither peeks nor what it refuses during a block": async ({ ask, askAll }) => {
    const [fits, refused] = [1, TOO_MUCH].map((cost) => ({ ...penal({ growth: 4 }), cost }));
    expect("the first refusal", isBlock(await ask(refused)), false);
    for (let i = 0; i < 3; i++) {
      const [peeked] = await askAll([refused], false);
      expect("a peek at what the next request would get", isBlock(peeked), true);
    }
    expect("a request that passes", (await ask({ ...fits, cost: 0 })).allowed, true);
    expect("the second refusal", isBlock(await ask(refused)), true);
    for (let i = 0; i < 3; i++) {
      await ask(refused);
      const during = await ask(fits);
      expect("during the block, no longer", isBlock(during) && during.retryAfterMs <= LONG_MS, true);
    }
  },

  "blocks for longer each time, and forgets that": async ({ ask, advance, shortWindow }) => {
    const [shortMs, longMs, growth] = [shortWindow() / 2, shortWindow() * 3 / 2, 20];
    const short = { ...penal({ after: 1, forMs: shortMs, growth }), rule: "short" };
    const long = { ...penal({ after: 1, forMs: longMs, growth }), rule: "long" };
    /** Starts a block. Does a cost that fits wait at most so long a little later? */
    const blocks = async (asked: CheckSketch, atMostMs: number): Promise<boolean> => {
      expect("what starts it", isBlock(await ask({ ...asked, cost: TOO_MUCH })), true);
      return (await ask(asked)).retryAfterMs <= atMostMs;
    };
    expect("the first ones", [await blocks(short, shortMs), await blocks(long, longMs)], [true, true]);
    // The end of the long one, and twice the short one's time after its end.
    await advance(Math.max(longMs, 3 * shortMs));
    expect("one that follows soon is no longer than the first", await blocks(long, longMs), false);
    expect("one that follows late is no longer than the first", await blocks(short, shortMs), true);
  },

  "lifts a block when the key is forgotten, and what made the next one longer": async (
    { ask, check, store },
  ) => {
    if (store.forget === undefined) return;
    const asked = penal({ after: 1, growth: 4 });
    for (let i = 0; i < 2; i++) {
      expect("what starts it", isBlock(await ask({ ...asked, cost: TOO_MUCH })), true);
      const during = await ask(asked);
      expect("its length", isBlock(during) && during.retryAfterMs <= LONG_MS, true);
      await store.forget(check(asked).key);
    }
    expect("afterwards", (await ask(asked)).allowed, true);
  },

  "counts refusals towards a block where other rules refuse too, and only those": async ({ askAll }) => {
    const [asked, full] = [penal(), { rule: "full", limit: 1 }];
    await askAll([full]);
    for (let i = 0; i < 3; i++) {
      const [passed] = await askAll([asked, full]);
      expect("what it would let pass", [passed.allowed, passed.remaining], [true, 1]);
    }
    const refused = [];
    for (let i = 0; i < 2; i++) {
      refused.push(isBlock((await askAll([{ ...asked, cost: TOO_MUCH }, full]))[0]));
    }
    expect("what it would not", refused, [false, true]);
  },

  "blocks in shadow as it would live, charging what beside it allows": async ({ askAll }) => {
    const shadow = { ...penal(), mode: "shadow" as const };
    const decisions = [];
    for (let i = 0; i < 3; i++) decisions.push(await askAll([shadow, { rule: "live" }]));
    const shadows = decisions.map(([one]) => [one.allowed, isBlock(one)]);
    expect("the shadow rule", shadows, [[true, false], [false, false], [false, true]]);
    expect("the live rule", left(decisions.map(([, live]) => live)), [2, 1, 0]);
  },
};
