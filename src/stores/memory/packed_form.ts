/**
 * States of a few numbers: they are in the slot.
 *
 * @module
 */

import { type Form, OVER, shareOf } from "./form.ts";
import { packedStep } from "./packed_step.ts";
import { read, write } from "./segment.ts";

/** @param width How many numbers each state has. */
export function packedForm(width: number): Form {
  return {
    width,
    hasObjects: false,
    read(cursor, segment, slot) {
      cursor.hasState = true;
      read(segment, slot, cursor.before);
    },
    step(cursor, { algorithm, policy, since }, now, cost) {
      cursor.blockedMs = 0;
      packedStep(algorithm)(cursor, cursor.hasState ? cursor.before : null, policy, now, cost, since);
    },
    write: ({ state }, segment, slot) => write(segment, slot, state),
    look(cursor, segment, slot, { algorithm, policy }, now) {
      read(segment, slot, cursor.before);
      packedStep(algorithm)(cursor, cursor.before, policy, now, 0, null);
      return cursor.ttlMs <= 0 ? OVER : shareOf(cursor.remaining, policy);
    },
    free() {},
    take: ({ state }) => state.slice(),
    give: ({ before }, state) => before.set(state as Float64Array),
  };
}
