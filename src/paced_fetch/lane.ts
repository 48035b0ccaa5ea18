/**
 * Callers that wait, in the order of their coming, until every quota of theirs has room.
 *
 * @module
 */

import { ALONE_MS, BELIEVED_MS, type Bucket } from "./bucket.ts";

/** Those who wait for the same quotas. Times are epoch ms. */
export interface Lane {
  /** When one with this deadline may go. */
  opensAt(now: number, deadline: number): number;
  /**
   * Waits.
   *
   * @param signal Ends the wait with its reason.
   * @returns When it went; null where that cannot be before the deadline.
   */
  wait(deadline: number, signal: AbortSignal | null | undefined): Promise<number | null>;
  /** Notes that a request which went then is over. */
  leave(sentAt: number): void;
  /** Looks again, as something is known that was not. */
  look(): void;
  /**
   * Notes what came of a request. Refused, the lane sends nothing for so long; with each refusal in a row for longer.
   *
   * @param waitMs What the server says to wait, in ms; null where the request was not refused.
   * @param sentAt When the request went.
   */
  hear(waitMs: number | null, sentAt: number, now: number): void;
}

/** The least wait after a refusal, in ms; it doubles with each refusal in a row, up to the longest. */
const BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 6e4;

/**
 * @param buckets The quotas.
 * @param clock Epoch ms.
 * @param random A number from 0 to 1.
 * @param spread Spread what is left over the rest of the window, rather than use it at once.
 */
export function newLane(
  buckets: readonly Bucket[],
  clock: () => number,
  random: () => number,
  spread: boolean,
): Lane {
  const waiters: { deadline: number; go: (at: number | null) => void }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends; 0 where none runs. */
  let timerAt = 0;
  let closedUntil = 0;
  /** After a refusal one request at a time finds out whether that is over. */
  let aloneUntil = 0;
  /** Refusals in a row. */
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
        // One that is set anew at each answer would be late time and again: timers round up to whole ms.
        if (at !== timerAt) {
          clearTimeout(timer);
          timerAt = at;
          // Timers count ms in 31 bits.
          timer = setTimeout(() => {
            timerAt = 0;
            look();
          }, Math.min(2 ** 31 - 1, Math.ceil(at - now)));
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
        // The first looks; those behind wait for their turn.
        if (waiters.push(waiter) === 1) look();
      }),
    leave(sentAt) {
      for (const bucket of buckets) bucket.leave(sentAt);
    },
    hear(waitMs, sentAt, now) {
      // Requests that went together are refused together, and tell nothing of what comes after.
      if (sentAt >= closedUntil) {
        aloneUntil = 0;
        refusals = waitMs === null ? 0 : refusals + 1;
      }
      if (waitMs === null) return;
      const leastMs = Math.min(LONGEST_BACK_OFF_MS, BACK_OFF_MS * 2 ** refusals);
      const restMs = Math.max(leastMs, Math.min(BELIEVED_MS, waitMs));
      // Upwards only: none comes back too early, and not all at once.
      closedUntil = Math.max(closedUntil, now + restMs + random() * Math.min(1000, restMs / 10));
    },
  };
}
