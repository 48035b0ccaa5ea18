/**
 * Steps over packed states: the same arithmetic as any step, but read from numbers that stand somewhere in a list and
 * written into an object that is there, so that a store which keeps its states in typed arrays makes nothing a decision.
 *
 * @module
 */

import type { Algorithm, Policy } from "./algorithm.ts";

/** A step's answer but for what to remember, to be written into and used again. */
export interface StepSaid {
  /** Does the cost pass? */
  allowed: boolean;
  /** Whole units left after this step. */
  remaining: number;
  /** Until nothing is used any more, in ms. */
  resetAfterMs: number;
  /** Until this cost passes, in ms; 0 when allowed. */
  retryAfterMs: number;
  /** How long the state means anything, in ms. */
  ttlMs: number;
  /** The time that names this charge to a later correction. */
  at: number;
  /** Is there something to remember that was not there? */
  changed: boolean;
}

/** What a packed step says. */
export interface PackedStep extends StepSaid {
  /** Of a step that changed something: the numbers to remember, as many as the algorithm's `width`. */
  readonly state: Float64Array;
}

/**
 * {@link Algorithm.step} for packed states.
 *
 * @param out Receives what the step says. Nothing of it may be what `state` is.
 * @param state The numbers of the state, or null.
 */
export type StepPacked = (
  out: PackedStep,
  state: ArrayLike<number> | null,
  policy: Policy,
  now: number,
  cost: number,
  since: number | null,
) => void;

/**
 * A step that is there in both forms. The packed one hangs on the other, not beside it on the algorithm: a copy of an
 * algorithm with a step of its own is to be stepped by that.
 */
export type TwoFormStep = Algorithm<readonly number[]>["step"] & { readonly packed: StepPacked };

/** The step of an algorithm that is written packed. */
export function unpacked(width: number, packed: StepPacked): TwoFormStep {
  const step: Algorithm<readonly number[]>["step"] = (state, policy, now, cost, since) => {
    const out: PackedStep = {
      ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, ttlMs: 0, at: 0 },
      ...{ changed: false, state: new Float64Array(width) },
    };
    packed(out, state, policy, now, cost, since);
    const { changed, ...said } = out;
    return { ...said, state: changed ? Array.from(out.state) : state };
  };
  return Object.assign(step, { packed });
}
