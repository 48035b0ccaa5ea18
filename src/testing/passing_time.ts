/**
 * Time that passes while something is tried: by the clock of a test, or really.
 *
 * @module
 */

import type { MaybePromise } from "../maybe.ts";

/** Time, as what is tried sees it. */
export interface PassingTime {
  /** Lets time pass, in ms. */
  advance(ms: number): MaybePromise<void>;
  /** A window, in ms, that may have to be waited for: the calls that are tried must be made within it. */
  shortWindow(): number;
  /** How long before the end of a time, in ms, a state can be looked at: 1 where the clock is the test's own. */
  readonly marginMs: number;
}

/** Time that really passes. */
export interface RealTime {
  /** The time, in ms since whenever. */
  steady(): number;
  wait(ms: number): Promise<void>;
}

const steady = (): number => performance.now();

const REAL_TIME: RealTime = {
  steady,
  /** A timer of Node counts from when its loop last turned, so one that is set by a busy process is early. */
  async wait(ms) {
    const end = steady() + ms;
    for (let left = ms; left > 0; left = end - steady()) {
      await new Promise((resume) => setTimeout(resume, Math.ceil(left)));
    }
  },
};

/** Short windows, in ms: each is long beside the few calls made within it, but on a machine that pauses. */
const SHORT_MS: readonly number[] = [1000, 4000, 16_000];

/**
 * Tries something while time passes: by `advance`, or else really. It is tried anew with a longer window where it asked for a
 * short one, and failed after its calls had taken longer than that: such a failure is the machine's.
 *
 * @throws What the attempt throws.
 */
export async function inPassingTime(
  attempt: (time: PassingTime) => Promise<void>,
  advance?: PassingTime["advance"],
  { steady, wait }: RealTime = REAL_TIME,
): Promise<void> {
  if (advance !== undefined) return await attempt({ advance, shortWindow: () => SHORT_MS[0], marginMs: 1 });
  for (const shortMs of SHORT_MS) {
    const begun = steady();
    let [waitedMs, isShort] = [0, false];
    try {
      return await attempt({
        async advance(ms) {
          waitedMs += ms;
          await wait(ms);
        },
        shortWindow() {
          isShort = true;
          return shortMs;
        },
        marginMs: 200,
      });
    } catch (error) {
      const cameTooLate = isShort && steady() - begun - waitedMs >= shortMs;
      if (!cameTooLate || shortMs === SHORT_MS.at(-1)) throw error;
    }
  }
}
