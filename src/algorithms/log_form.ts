/**
 * Logs as a memory store keeps them: one of a single charge, as most keys have, is in its slot; any other is in a block of
 * numbers, of a size that doubles. An algorithm's step brings this along, so a bundle without such an algorithm has none of it.
 *
 * @module
 */

import type { Algorithm, Stepped } from "./algorithm.ts";
import {
  changedLength,
  copyRun,
  emptyLogStep,
  type Log,
  type LogStep,
  type StepLog,
  writeChanged,
} from "./log.ts";
import { type StepInto, writeStep } from "./packed.ts";

// The numbers of a slot: time and units of the one charge; else the block's number and, below 0, how many charges it has.

/** Slots of numbers: so many for each, and the first of them is not the log's. */
interface Slots {
  readonly states: Float64Array;
  readonly wide: number;
}

/** Blocks of all sizes. A block is known by an integer. */
export interface NumberBlocks {
  /** A block for a list of so many numbers: the one that it has, where that is the right one or the next larger, else another. */
  fit(length: number, block: number | null): number;
  /** Gives a block back. */
  give(block: number): void;
  /** The numbers that a block is a part of. */
  dataOf(block: number): Float64Array;
  /** The index of a block's first number among them. */
  startOf(block: number): number;
}

/** The log that a step starts from, and the step. */
export interface SteppedLog {
  numbers: Float64Array;
  length: number;
  readonly step: LogStep;
}

/** A check on its way, as far as logs are concerned. */
interface LogCursor extends StepInto {
  hasState: boolean;
  changed: boolean;
  log: SteppedLog | null;
}

/** The log at a cursor, with room for so many numbers. */
function logAt(cursor: LogCursor, length: number): SteppedLog {
  const log = cursor.log ??= { numbers: new Float64Array(8), length: 0, step: emptyLogStep() };
  if (log.numbers.length < length) log.numbers = new Float64Array(2 * length);
  log.length = length;
  return log;
}

/** The form of logs in a memory store. */
function logForm(blocks: NumberBlocks) {
  return {
    width: 2,
    hasObjects: false,
    read(cursor: LogCursor, { states, wide }: Slots, slot: number): void {
      const at = wide * slot + 1;
      const charges = states[at + 1];
      cursor.hasState = true;
      if (charges < 0) {
        const from = blocks.startOf(states[at]);
        const { numbers, length } = logAt(cursor, -2 * charges);
        copyRun(blocks.dataOf(states[at]), from, from + length, numbers, 0);
      } else {
        const { numbers } = logAt(cursor, charges > 0 ? 2 : 0);
        numbers[0] = states[at];
        numbers[1] = charges;
      }
    },
    step(cursor: LogCursor, { algorithm, policy, since }: Stepped, now: number, cost: number): void {
      const { numbers, length, step } = cursor.hasState ? cursor.log! : logAt(cursor, 0);
      // A copy of an algorithm with a step of its own is to be stepped by that.
      (algorithm.step as LogFormStep).overLog(step, numbers, 0, length, policy, now, cost, since);
      writeStep(cursor, step, now);
      cursor.changed = step.changed;
    },
    write({ log }: LogCursor, { states, wide }: Slots, slot: number): void {
      const { step } = log!;
      const at = wide * slot + 1;
      const block = states[at + 1] < 0 ? states[at] : null;
      const length = changedLength(step);
      if (length > 2) {
        const now = states[at] = blocks.fit(length, block);
        writeChanged(step, blocks.dataOf(now), blocks.startOf(now));
        states[at + 1] = -length / 2;
      } else {
        if (block !== null) blocks.give(block);
        states[at + 1] = 0;
        writeChanged(step, states, at);
      }
    },
    free({ states, wide }: Slots, slot: number): void {
      const at = wide * slot + 1;
      if (states[at + 1] < 0) blocks.give(states[at]);
      states[at + 1] = 0;
    },
    take({ log }: LogCursor): Float64Array {
      const after = new Float64Array(changedLength(log!.step));
      writeChanged(log!.step, after, 0);
      return after;
    },
    give(cursor: LogCursor, state: unknown): void {
      const log = state as Float64Array;
      copyRun(log, 0, log.length, logAt(cursor, log.length).numbers, 0);
    },
  };
}

/** A step with a second form on logs, and with the form of these in a memory store. */
export type LogFormStep = Algorithm<Log>["step"] & {
  readonly overLog: StepLog;
  readonly logForm: typeof logForm;
};

/** Wraps a log step as an algorithm's step. */
export function unlogged(overLog: StepLog): LogFormStep {
  const step: Algorithm<Log>["step"] = (state, policy, now, cost, since) => {
    const out = emptyLogStep();
    overLog(out, state ?? [], 0, state?.length ?? 0, policy, now, cost, since);
    const { allowed, remaining, resetAfterMs, retryAfterMs, ttlMs, at } = out;
    let kept = state;
    if (out.changed) {
      const after: number[] = new Array(changedLength(out));
      writeChanged(out, after, 0);
      kept = after;
    }
    return { allowed, remaining, resetAfterMs, retryAfterMs, state: kept, ttlMs, at };
  };
  return Object.assign(step, { overLog, logForm });
}
