/**
 * A queue of callers that wait, in order, until each of their quotas has room.
 *
 * @module
 */

import { ALONE_MS, BELIEVED_MS, type Bucket } from "./bucket.ts";

/** Callers that wait for the same quotas. Times are epoch ms. */
export interface Lane {
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
  /**
   * Records the result of a request. After a refusal the lane pauses, and longer with each consecutive
   * refusal.
   *
   * @param waitMs The server's wait, in ms; null if the request was not refused.
   * @param sentAt The time of the request.
   */
  hear(waitMs: number | null, sentAt: number, now: number): void;
}

/**
 * @param buckets The quotas.
 * @param clock Epoch ms.
 * @param random Returns a number from 0 to 1.
 * @param spread Spread the remaining quota over the rest of the window, rather than use it at once.
 */
export function newLane(
  buckets: readonly Bucket[],
  clock: () => number,
  random: () => number,
  spread: boolean,
): Lane {
  const waiters: { deadline: number; go: (at: number | null) => void }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The end of the timer; 0 without one. */
  let timerAt = 0;
  let closedUntil = 0;
  /** After a refusal one request at a time checks whether it is over. */
  let aloneUntil = 0;
  /** Consecutive refusals. */
  let refusals = 0;

  function opensAt(now: number, deadline: number): number {
    return Math.max(
      closedUntil,
      aloneUntil,
      ...buckets.map((bucket) => bucket.opensAt(now, deadline, spread)),
    );
  }

  function look(): void {
    for (; waiters.length > 0; waiters.shift()) {
      const now = clock();
      const [{ deadline, go }] = waiters;
      const at = opensAt(now, deadline);
      if (at > now && at <= deadline) {
        // A timer that is set again at each response would be late each time: timers round up to whole ms.
        if (at !== timerAt) {
          clearTimeout(timer);
          timerAt = at;
          // Timers count ms in 31 bits: a day, and then this looks again.
          timer = setTimeout(() => {
            timerAt = 0;
            look();
          }, Math.min(BELIEVED_MS, Math.ceil(at - now)));
        }
        return;
      }
      if (at <= now) {
        if (refusals > 0) aloneUntil = now + ALONE_MS;
        for (const bucket of buckets) bucket.take(now);
      }
      go(at <= now ? now : null);
    }
    clearTimeout(timer);
    timerAt = 0;
  }

  return {
    opensAt,
    look,
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
    hear(waitMs, sentAt, now) {
      // Requests that were sent together are refused together, so only the first refusal counts.
      if (sentAt >= closedUntil) {
        aloneUntil = 0;
        refusals = waitMs === null ? 0 : refusals + 1;
      }
      if (waitMs === null) return;
      // Doubles with each consecutive refusal, up to a minute.
      const leastMs = Math.min(60_000, 100 * 2 ** refusals);
      const restMs = Math.max(leastMs, Math.min(BELIEVED_MS, waitMs));
      // Jitter only adds time: no caller comes back early, and not all come back at once.
      closedUntil = Math.max(closedUntil, now + restMs + random() * Math.min(1000, restMs / 10));
    },
  };
}
