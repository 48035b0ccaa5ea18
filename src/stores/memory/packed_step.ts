/**
 * The steps over the packed states of a memory store.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { type PackableStep, type StepPacked, writeStep } from "../../algorithms/packed.ts";
import { usableStep } from "../../algorithms/usable_step.ts";
import type { Cursor } from "./cursor.ts";

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
