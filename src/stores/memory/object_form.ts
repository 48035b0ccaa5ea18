/**
 * States of any kind: a list of numbers is in a block of numbers, anything else hangs on the slot as it is.
 *
 * @module
 */

import { writeStep } from "../../algorithms/packed.ts";
import { usableStep } from "../../algorithms/usable_step.ts";
import type { Form } from "./form.ts";
import { numberBlocks } from "./number_blocks.ts";

// The numbers of a slot: when the state is over (0: it is, also when the clock goes back) and, of a list of numbers, the block's
// number and how many it has, else 0.

function isNumbers(state: unknown): state is readonly number[] {
  return Array.isArray(state) && state.length > 0 && state.every((number) => typeof number === "number");
}

/** The form. */
export function objectForm(): Form {
  const blocks = numberBlocks();

  function listAt(block: number, length: number): number[] {
    const data = blocks.dataOf(block);
    const from = blocks.startOf(block);
    const list: number[] = new Array(length);
    for (let i = 0; i < length; i++) list[i] = data[from + i];
    return list;
  }

  return {
    width: 3,
    hasObjects: true,
    read(cursor, { states, wide, objects }, slot, now) {
      const at = wide * slot + 1;
      const length = states[at + 2];
      cursor.hasState = now < states[at];
      if (!cursor.hasState) cursor.unpacked = null;
      else cursor.unpacked = length > 0 ? listAt(states[at + 1], length) : objects![slot];
    },
    step(cursor, { algorithm, policy, since }, now, cost) {
      const before = cursor.hasState ? cursor.unpacked : null;
      const step = usableStep(algorithm.step(before, policy, now, cost, since), policy);
      writeStep(cursor, step, now);
      cursor.changed = step.state !== before;
      cursor.kept = step.state;
    },
    write({ kept, ttlMs }, { states, wide, objects }, slot, now) {
      const at = wide * slot + 1;
      const block = states[at + 2] > 0 ? states[at + 1] : null;
      states[at] = ttlMs > 0 ? now + ttlMs : 0;
      if (isNumbers(kept)) {
        const list = states[at + 1] = blocks.fit(kept.length, block);
        states[at + 2] = kept.length;
        blocks.dataOf(list).set(kept, blocks.startOf(list));
        objects![slot] = undefined;
      } else {
        if (block !== null) blocks.give(block);
        states[at + 2] = 0;
        objects![slot] = kept;
      }
    },
    // Not stepped: nobody knows the cost of a custom step.
    look(cursor, { states, wide, levels }, slot, now) {
      cursor.ttlMs = states[wide * slot + 1] - now;
      return levels[slot] / 255;
    },
    free({ states, wide, objects }, slot) {
      const at = wide * slot + 1;
      if (states[at + 2] > 0) blocks.give(states[at + 1]);
      states[at + 2] = 0;
      objects![slot] = undefined;
    },
    take: ({ kept }) => kept,
    give(cursor, state) {
      cursor.unpacked = state;
    },
  };
}
