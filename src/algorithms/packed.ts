/**
 * Steps over packed states: the same arithmetic as any step, but read from numbers that stand somewhere in a list and
 * written into an object that is there, so that a store which keeps its states in typed arrays makes nothing a decision.
 *
 * @module
 */

import type { Algorithm, Policy, Step } from "./algorithm.ts";

/** What a packed step says: a {@link Step} to be written into and used again. */
export interface PackedStep {
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
  /** Is there something to remember that was not there? Then it is in {@link state}. */
  changed: boolean;
  /** The numbers to remember, as many as the algorithm's `width`. */
  readonly state: Float64Array;
}

/**
 * {@link Algorithm.step} for packed states.
 *
 * @param out Receives what the step says.
 * @param states Numbers, among them the state's.
 * @param from Where the state's begin; negative where there is no state.
 */
export type StepPacked = (
  out: PackedStep,
  states: ArrayLike<number>,
  from: number,
  policy: Policy,
  now: number,
  cost: number,
  since: number | null,
) => void;

/** An algorithm that is written packed. */
export interface PackedAlgorithm extends Algorithm<readonly number[]> {
  readonly width: number;
  /** The same as its `step`, over packed states. */
  readonly stepPacked: StepPacked;
}

/** The most numbers that a packed state may have. */
export const WIDEST = 4;

/** Makes an object for packed steps to write into. */
export function packedStep(): PackedStep {
  return {
    allowed: false,
    remaining: 0,
    resetAfterMs: 0,
    retryAfterMs: 0,
    ttlMs: 0,
    at: 0,
    changed: false,
    state: new Float64Array(WIDEST),
  };
}

/** The step of an algorithm that is written packed. */
export function unpacked(width: number, step: StepPacked): Algorithm<readonly number[]>["step"] {
  return (state, policy, now, cost, since) => {
    const out = packedStep();
    step(out, state ?? [], state === null ? -1 : 0, policy, now, cost, since);
    const { allowed, remaining, resetAfterMs, retryAfterMs, ttlMs, at } = out;
    const kept = out.changed ? Array.from(out.state.subarray(0, width)) : state;
    return { allowed, remaining, resetAfterMs, retryAfterMs, state: kept, ttlMs, at };
  };
}

/** The packed step of an algorithm with a `width`: its own, or one made of its `step`. */
export function packed(algorithm: Algorithm): StepPacked {
  const { stepPacked, width = 0 } = algorithm as Algorithm & Partial<PackedAlgorithm>;
  if (stepPacked !== undefined) return stepPacked;
  return (out, states, from, policy, now, cost, since) => {
    const state = from < 0 ? null : Array.from({ length: width }, (_, i) => states[from + i]);
    const said: Step = algorithm.step(state, policy, now, cost, since);
    out.allowed = said.allowed;
    out.remaining = said.remaining;
    out.resetAfterMs = said.resetAfterMs;
    out.retryAfterMs = said.retryAfterMs;
    out.ttlMs = said.ttlMs;
    out.at = said.at ?? now;
    out.changed = said.state !== state;
    if (out.changed) out.state.set(said.state as readonly number[]);
  };
}
