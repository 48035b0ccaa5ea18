/**
 * The pause after a server's refusals.
 *
 * @module
 */

import { ALONE_MS, BELIEVED_MS } from "./bucket.ts";

/** A pause, longer with each consecutive refusal. Times are ms of the origin's clock. */
export interface Pause {
  /** The time of the next request: now or earlier means at once. */
  opensAt(): number;
  /** Records a sent request. */
  take(now: number): void;
  /**
   * Records the result of a request.
   *
   * @param waitMs The server's wait, in ms; null if the request was not refused.
   * @param sentAt The time of the request.
   */
  hear(waitMs: number | null, sentAt: number, now: number): void;
}

/** @param random Returns a number from 0 to 1. */
export function newPause(random: () => number): Pause {
  let closedUntil = 0;
  /** After a refusal one request at a time checks whether it is over. */
  let aloneUntil = 0;
  /** Consecutive refusals. */
  let refusals = 0;

  return {
    opensAt: () => Math.max(closedUntil, aloneUntil),
    take(now) {
      if (refusals) aloneUntil = now + ALONE_MS;
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
