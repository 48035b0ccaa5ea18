/**
 * Lanes for calls: so many go on at the same time, and others wait.
 *
 * @module
 */

import { whenOver } from "../wrappers/deadlines.ts";

/** Lanes for calls. */
export interface Lanes {
  /** Takes a lane: at once, or when a call leaves one. */
  enter(): Promise<void>;
  /** Leaves the lane when this call ends or, in case its answer was lost, after some time. */
  leaveAfter(call: Promise<unknown>): void;
}

/**
 * Makes lanes.
 *
 * @param count How many there are.
 * @param patienceMs The time in ms after which a call no longer keeps its lane.
 */
export function lanesOf(count: number, patienceMs: number): Lanes {
  const waiting: (() => void)[] = [];
  let free = count;

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }

  return {
    enter() {
      if (free === 0) return new Promise((resume) => waiting.push(resume));
      free--;
      return Promise.resolve();
    },
    leaveAfter: (call) => whenOver(call, patienceMs, leave),
  };
}
