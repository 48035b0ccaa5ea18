/**
 * Logs: one of a single charge, as most keys have, is in the slot; any other in a block of numbers, of a size that doubles.
 *
 * @module
 */

import {
  changedLength,
  copyRun,
  type LogFormStep,
  type StepLog,
  writeChanged,
} from "../../algorithms/log.ts";
import type { Algorithm } from "../../algorithms/algorithm.ts";
import { type Form, OVER, shareOf } from "./form.ts";
import { numberBlocks } from "./number_blocks.ts";
import { writeStep } from "./packed_step.ts";
import type { Cursor } from "./cursor.ts";

// The numbers of a slot: time and units of the one charge; else the block's number and, below 0, how many charges it has.

/** The step over a log of an algorithm that has one. A copy of an algorithm with a step of its own is to be stepped by that. */
export function stepOverLog({ step }: Algorithm): StepLog | undefined {
  return (step as Partial<LogFormStep>).overLog;
}

/** Room at a cursor for a log of so many numbers. */
function roomAt(cursor: Cursor, length: number): Float64Array {
  if (cursor.log.length < length) cursor.log = new Float64Array(2 * length);
  return cursor.log;
}

/** The form. */
export function logForm(): Form {
  const blocks = numberBlocks();

  return {
    width: 2,
    hasObjects: false,
    read(cursor, { states, wide }, slot) {
      const at = wide * slot + 1;
      const charges = states[at + 1];
      cursor.hasState = true;
      if (charges >= 0) {
        const log = roomAt(cursor, 2);
        log[0] = states[at];
        log[1] = charges;
        cursor.logEnd = charges > 0 ? 2 : 0;
      } else {
        const from = blocks.startOf(states[at]);
        const length = -2 * charges;
        copyRun(blocks.dataOf(states[at]), from, from + length, roomAt(cursor, length), 0);
        cursor.logEnd = length;
      }
    },
    step(cursor, { algorithm, policy, since }, now, cost) {
      const { logStep } = cursor;
      const end = cursor.hasState ? cursor.logEnd : 0;
      stepOverLog(algorithm)!(logStep, cursor.log, 0, end, policy, now, cost, since);
      writeStep(cursor, logStep, now);
      cursor.changed = logStep.changed;
    },
    write({ logStep }, { states, wide }, slot) {
      const at = wide * slot + 1;
      const block = states[at + 1] < 0 ? states[at] : null;
      const length = changedLength(logStep);
      if (length > 2) {
        const now = states[at] = blocks.fit(length, block);
        writeChanged(logStep, blocks.dataOf(now), blocks.startOf(now));
        states[at + 1] = -length / 2;
      } else {
        if (block !== null) blocks.give(block);
        states[at + 1] = 0;
        writeChanged(logStep, states, at);
      }
    },
    look(cursor, { states, wide }, slot, { algorithm, policy }, now) {
      const at = wide * slot + 1;
      const charges = states[at + 1];
      const { logStep } = cursor;
      const step = stepOverLog(algorithm)!;
      if (charges >= 0) step(logStep, states, at, charges > 0 ? at + 2 : at, policy, now, 0, null);
      else {
        const from = blocks.startOf(states[at]);
        step(logStep, blocks.dataOf(states[at]), from, from - 2 * charges, policy, now, 0, null);
      }
      cursor.ttlMs = logStep.ttlMs;
      return logStep.ttlMs <= 0 ? OVER : shareOf(logStep.remaining, policy);
    },
    free({ states, wide }, slot) {
      const at = wide * slot + 1;
      if (states[at + 1] < 0) blocks.give(states[at]);
      states[at + 1] = 0;
    },
    take({ logStep }) {
      const after = new Float64Array(changedLength(logStep));
      writeChanged(logStep, after, 0);
      return after;
    },
    give(cursor, state) {
      const log = state as Float64Array;
      cursor.logEnd = copyRun(log, 0, log.length, roomAt(cursor, log.length), 0);
    },
  };
}
