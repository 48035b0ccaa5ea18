/**
 * States of any kind: they hang on the slot, which has the time at which they are over.
 *
 * @module
 */

import { type Form, OVER } from "./form.ts";
import { writeStep } from "./packed_step.ts";

/** The form. */
export function objectForm(): Form {
  return {
    width: 1,
    hasObjects: true,
    read(place, { states, wide, objects }, slot, now) {
      place.hasState = now < states[wide * slot + 1];
      place.unpacked = place.hasState ? objects![slot] : null;
    },
    step(place, { algorithm, policy, since }, now, cost) {
      const before = place.hasState ? place.unpacked : null;
      const step = algorithm.step(before, policy, now, cost, since);
      writeStep(place, step, now);
      place.changed = step.state !== before;
      place.kept = step.state;
    },
    write({ kept, ttlMs }, { states, wide, objects }, slot, now) {
      states[wide * slot + 1] = now + ttlMs;
      objects![slot] = kept;
    },
    // Not stepped: nobody knows what that costs.
    look(place, { states, wide, levels }, slot, _, now) {
      place.ttlMs = states[wide * slot + 1] - now;
      return place.ttlMs <= 0 ? OVER : levels[slot] / 255;
    },
    free({ objects }, slot) {
      objects![slot] = undefined;
    },
    take: ({ kept }) => kept,
    give(place, state) {
      place.unpacked = state;
    },
  };
}
