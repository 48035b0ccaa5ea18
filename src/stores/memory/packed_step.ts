/**
 * The steps over the packed states of a memory store.
 *
 * @module
 */

import type { Algorithm, Step } from "../../algorithms/algorithm.ts";
import type { PackableStep, StepPacked } from "../../algorithms/packed.ts";
import { usableStep } from "../../algorithms/usable_step.ts";
import type { Cursor } from "./cursor.ts";

/** Writes the numbers of a step into a cursor, without its state. */
export function writeStep(cursor: Cursor, step: Omit<Step, "state">, now: number): void {
  cursor.allowed = step.allowed;
  cursor.remaining = step.remaining;
  cursor.resetAfterMs = step.resetAfterMs;
  cursor.retryAfterMs = step.retryAfterMs;
  cursor.ttlMs = step.ttlMs;
  cursor.at = step.at ?? now;
  cursor.blockedMs = step.blockedMs ?? 0;
}

type StepAtCursor = (cursor: Cursor, ...rest: DropFirst<Parameters<StepPacked>>) => void;
type DropFirst<List> = List extends [unknown, ...infer Rest] ? Rest : never;

/** The packed steps of algorithms of users' own, which have none. */
const made = new WeakMap<Algorithm, StepAtCursor>();

function make(algorithm: Algorithm): StepAtCursor {
  const { stateSize: width = 0 } = algorithm;
  const packed: StepAtCursor = (cursor, numbers, policy, now, cost, since) => {
    const state = numbers === null ? null : Array.from({ length: width }, (_, i) => numbers[i]);
    const result = usableStep(algorithm.step(state, policy, now, cost, since), policy);
    writeStep(cursor, result, now);
    cursor.changed = result.state !== state;
    if (cursor.changed) cursor.state.set(result.state as readonly number[]);
  };
  made.set(algorithm, packed);
  return packed;
}

/** The packed step of an algorithm that has a `stateSize`. */
export function packedStep(algorithm: Algorithm): StepAtCursor {
  return (algorithm.step as Partial<PackableStep>).packed ?? made.get(algorithm) ?? make(algorithm);
}
