/**
 * Steps over packed states: the same arithmetic, but the state is read from a list of numbers and the result
 * is written into an existing object. So a store with typed arrays allocates nothing per decision.
 *
 * @module
 */

import type { Algorithm, Policy, Step } from "./algorithm.ts";

/** The numbers of a step's result, without its state, in a reusable object. */
export interface StepNumbers {
  /** Does the cost pass? */
  allowed: boolean;
  /** Whole units left after this step. */
  remaining: number;
  /** The time until no unit is in use, in ms. */
  resetAfterMs: number;
  /** The time until this cost passes, in ms; 0 if allowed. */
  retryAfterMs: number;
  /** The lifetime of the state, in ms. */
  ttlMs: number;
  /** The time that identifies this charge for a later correction. */
  at: number;
  /** Is there a new state? */
  changed: boolean;
}

/** A packed step's result. */
export interface PackedStep extends StepNumbers {
  /** The new state of a step that changed something: as many numbers as the algorithm's `stateSize`. */
  readonly state: Float64Array | number[];
}

/** Where the numbers of any step may go, but whether it changes the state. */
export interface StepInto extends Omit<StepNumbers, "changed"> {
  /** See {@link Step.blockedMs}. */
  blockedMs: number;
}

/** Copies the numbers of a step that was taken now. */
export function writeStep(into: StepInto, step: Omit<Step, "state">, now: number): void {
  into.allowed = step.allowed;
  into.remaining = step.remaining;
  into.resetAfterMs = step.resetAfterMs;
  into.retryAfterMs = step.retryAfterMs;
  into.ttlMs = step.ttlMs;
  into.at = step.at ?? now;
  into.blockedMs = step.blockedMs ?? 0;
}

/**
 * {@link Algorithm.step} for packed states.
 *
 * @param out Receives the result. Its state must not be the array of `state`.
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
 * A step with a packed form. The packed form is a property of the step, not of the algorithm: a copy of an
 * algorithm with its own step must use that step.
 */
export type PackableStep = Algorithm<readonly number[]>["step"] & {
  readonly packed: StepPacked;
  /**
   * Are the numbers of a state the start of a window, `windowMs` long but for calendar periods, and the units that are used in it?
   * A charge that fits into an open window is then added to these units, and nothing else changes.
   */
  readonly counts: boolean;
};

/** Wraps a packed step as an algorithm's step. */
export function unpacked(width: number, packed: StepPacked, counts = false): PackableStep {
  // One for all steps, as each is copied out before the next: a plain list, which is copied in a fraction of the time.
  const out: PackedStep = {
    ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, ttlMs: 0, at: 0 },
    ...{ changed: false, state: Array<number>(width).fill(0) },
  };
  const step: Algorithm<readonly number[]>["step"] = (state, policy, now, cost, since) => {
    packed(out, state, policy, now, cost, since);
    const { allowed, remaining, resetAfterMs, retryAfterMs, ttlMs, at } = out;
    const kept = out.changed ? [...out.state] : state;
    return { allowed, remaining, resetAfterMs, retryAfterMs, ttlMs, at, state: kept };
  };
  return Object.assign(step, { packed, counts });
}
