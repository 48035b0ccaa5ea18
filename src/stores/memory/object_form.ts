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
    read(cursor, { states, wide, objects }, slot, now) {
      cursor.hasState = now < states[wide * slot + 1];
      cursor.unpacked = cursor.hasState ? objects![slot] : null;
    },
    step(cursor, { algorithm, policy, since }, now, cost) {
      const before = cursor.hasState ? cursor.unpacked : null;
      const step = algorithm.step(before, policy, now, cost, since);
      writeStep(cursor, step, now);
      cursor.changed = step.state !== before;
      cursor.kept = step.state;
    },
    write({ kept, ttlMs }, { states, wide, objects }, slot, now) {
      states[wide * slot + 1] = now + ttlMs;
      objects![slot] = kept;
    },
    // Not stepped: nobody knows what that costs.
    look(cursor, { states, wide, levels }, slot, _, now) {
      cursor.ttlMs = states[wide * slot + 1] - now;
      return cursor.ttlMs <= 0 ? OVER : levels[slot] / 255;
    },
    free({ objects }, slot) {
      objects![slot] = undefined;
    },
    take: ({ kept }) => kept,
    give(cursor, state) {
      cursor.unpacked = state;
    },
  };
}
