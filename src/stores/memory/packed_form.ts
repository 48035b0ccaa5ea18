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
    read(place, segment, slot) {
      place.hasState = true;
      read(segment, slot, place.before);
    },
    step(place, { algorithm, policy, since }, now, cost) {
      place.blocked = false;
      place.blockedMs = 0;
      packedStep(algorithm)(place, place.hasState ? place.before : null, policy, now, cost, since);
    },
    write: ({ state }, segment, slot) => write(segment, slot, state),
    look(place, segment, slot, { algorithm, policy }, now) {
      read(segment, slot, place.before);
      packedStep(algorithm)(place, place.before, policy, now, 0, null);
      return place.ttlMs <= 0 ? OVER : shareOf(place.remaining, policy);
    },
    free() {},
    take: ({ state }) => state.slice(),
    give: ({ before }, state) => before.set(state as Float64Array),
  };
}
