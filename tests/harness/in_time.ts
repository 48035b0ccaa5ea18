import { watchTimers } from "./timers.ts";

/** A machine whose timers are later than this, in ms, came too late. */
export const LATE_MS = 250;
const TRIES = 10;

/**
 * Tries what must come in time although other processes take part in it: where it fails and this machine was late meanwhile, it is
 * tried again.
 *
 * @param attempt Begins anew each time: with a key of its own, where keys are counted.
 */
export async function inTime<T>(attempt: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    const timers = watchTimers();
    try {
      return await attempt(tries);
    } catch (error) {
      if (tries === TRIES || timers.lateBy() < LATE_MS) throw error;
    } finally {
      timers.lateBy();
    }
  }
}
