/**
 * A queue of callers that wait, in order, until each of their quotas has room.
 *
 * @module
 */

import { BELIEVED_MS, type Bucket } from "./bucket.ts";
import { newPause, type Pause } from "./pause.ts";

/** Callers that wait for the same quotas. Times are ms of the origin's clock. */
export interface Lane extends Pick<Pause, "hear"> {
  /** The time at which a caller with this deadline may go. */
  opensAt(now: number, deadline: number): number;
  /**
   * Waits for a caller's turn.
   *
   * @param signal Ends the wait with its reason.
   * @returns The time at which it went; null if that is impossible before the deadline.
   */
  wait(deadline: number, signal: AbortSignal | null | undefined): Promise<number | null>;
  /** Records the end of a request that was sent at that time. */
  leave(sentAt: number): void;
  /** Checks again after new information. */
  look(): void;
}

/** @returns The function that sets the time at which `ring` is called next; 0: never. */
function newAlarm(ring: () => void): (at: number, now: number) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let setFor = 0;
  return (at, now) => {
    // A timer that is set again at each response would be late each time: timers round up to whole ms.
    if (at === setFor) return;
    clearTimeout(timer);
    setFor = at;
    if (!at) return;
    // Timers count ms in 31 bits: a day, and then this looks again.
    timer = setTimeout(() => {
      setFor = 0;
      ring();
    }, Math.min(BELIEVED_MS, Math.ceil(at - now)));
  };
}

/**
 * @param buckets The quotas.
 * @param clock The origin's clock: ms that never go back.
 * @param random Returns a number from 0 to 1.
 * @param spread Spread the remaining quota over the rest of the window, rather than use it at once.
 */
export function newLane(
  buckets: readonly Bucket[],
  clock: () => number,
  random: () => number,
  spread: boolean,
): Lane {
  const pause = newPause(random);
  const bounds = [pause, ...buckets];
  const waiters: { deadline: number; go: (at: number | null) => void }[] = [];
  const lookAt = newAlarm(look);

  const opensAt = (now: number, deadline: number): number =>
    Math.max(...bounds.map((bound) => bound.opensAt(now, deadline, spread)));

  function look(): void {
    for (; waiters[0]; waiters.shift()) {
      const now = clock();
      const [{ deadline, go }] = waiters;
      const at = opensAt(now, deadline);
      if (at > now && at <= deadline) return lookAt(at, now);
      if (at <= now) { for (const bound of bounds) bound.take(now); }
      go(at <= now ? now : null);
    }
    lookAt(0, 0);
  }

  return {
    opensAt,
    look,
    hear: pause.hear,
    wait: (deadline, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = (): void => {
          waiters.splice(waiters.indexOf(waiter), 1);
          reject(signal?.reason);
          look();
        };
        const waiter = {
          deadline,
          go(at: number | null) {
            signal?.removeEventListener("abort", abort);
            resolve(at);
          },
        };
        signal?.addEventListener("abort", abort);
        // The first caller checks; the others wait for their turn.
        if (waiters.push(waiter) === 1) look();
      }),
    leave(sentAt) {
      for (const bucket of buckets) bucket.leave(sentAt);
    },
  };
}
