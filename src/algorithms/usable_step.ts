/**
 * The check of what an algorithm's step returned.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { Policy, Step } from "./algorithm.ts";

/**
 * A step as its algorithm returned it. Unchecked, one without a state, or with NaN for its life, would let everything pass.
 *
 * @throws {TypeError} When a member that it needs is missing, or is no number where it must be one.
 */
export function usableStep<State>(step: Step<State>, { name }: Policy): Step<State> {
  const { allowed, state, remaining, resetAfterMs, retryAfterMs, ttlMs }: Partial<Step<State>> = step ?? 0;
  // A sum with NaN, and with nothing, is NaN.
  const sum = +allowed! + remaining! + resetAfterMs! + retryAfterMs! + ttlMs!;
  if (state !== undefined && sum === +sum) return step;
  throw new TypeError(
    cannot(`use rule "${name}"`, "its step must return a boolean, four numbers and a state", step),
  );
}
