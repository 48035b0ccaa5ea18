import { pause } from "./until.ts";

/**
 * The time in which this process was awake: a machine that stands still for a while, or runs something else, adds next to
 * nothing to it. Bounds of what the project takes are in this time, as those of timers are not the machine's.
 */

/** The time between two looks at the clock, and the most that counts between them, in ms. */
const LOOK_MS = 10;
const MAX_MS = 50;

/** A stopwatch of that time. */
export interface AwakeClock {
  /** The time since it began, in ms. */
  ms(): number;
  stop(): void;
}

/** Begins to measure. */
export function awakeClock(): AwakeClock {
  let awakeMs = 0;
  let seen = performance.now();
  const since = (): number => Math.min(MAX_MS, performance.now() - seen);
  const timer = setInterval(() => {
    awakeMs += since();
    seen = performance.now();
  }, LOOK_MS);
  return { ms: () => awakeMs + since(), stop: () => clearInterval(timer) };
}

/** Waits for some ms of it: what was due before is over then, however late the machine is. */
export async function pauseAwake(ms: number): Promise<void> {
  for (let left = ms; left > 0;) {
    const begun = performance.now();
    await pause(Math.min(LOOK_MS, left));
    left -= Math.min(MAX_MS, performance.now() - begun);
  }
}
