/**
 * States of a few numbers: they are in the slot.
 *
 * @module
 */

import type { Form } from "./form.ts";
import type { PackableStep } from "../../algorithms/packed.ts";
import { packedStep } from "./packed_step.ts";

/** @param width How many numbers each state has. */
export function packedForm(width: number): Form {
  return {
    width,
    hasObjects: false,
    read(cursor, { states }, slot) {
      const at = (width + 1) * slot + 1;
      for (let n = 0; n < width; n++) cursor.before[n] = states[at + n];
      cursor.hasState = true;
    },
    step(cursor, { algorithm, policy, since }, now, cost) {
      cursor.blockedMs = 0;
      const step = (algorithm.step as Partial<PackableStep>).packed ?? packedStep(algorithm);
      step(cursor, cursor.hasState ? cursor.before : null, policy, now, cost, since);
    },
    write({ state }, { states }, slot) {
      const at = (width + 1) * slot + 1;
      for (let n = 0; n < width; n++) states[at + n] = state[n];
    },
    free() {},
    take: ({ state }) => state.slice(),
    give: ({ before }, state) => before.set(state as Float64Array),
  };
}
