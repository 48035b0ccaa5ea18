/**
 * A client's knowledge of one quota of a server, and the time of its next request under it.
 *
 * @module
 */

import type { ServerQuota } from "./plan.ts";

/** One quota, as the last responses state it. Times are epoch ms. */
export interface Bucket {
  /**
   * The time of the next request: now or earlier means at once.
   *
   * @param deadline The latest time, unless no quota is left.
   * @param spread Spread the remaining quota over the rest of the window, rather than use it at once.
   */
  opensAt(now: number, deadline: number, spread: boolean): number;
  /** Records a sent request. */
  take(now: number): void;
  /** Records the end of a request that was sent at that time. */
  leave(sentAt: number): void;
  /**
   * Reads a response.
   *
   * @param sentAt The time of its request.
   * @param now The time of the response.
   */
  learn(quota: ServerQuota, sentAt: number, now: number): void;
}

/** The weight of earlier use in this process's share, at each response. */
const KEPT = 0.9;

/**
 * The part of a window, per client of the quota, after which a process with a share below one unit sends a
 * request to learn the remaining quota.
 */
const PAUSE = 0.25;

/**
 * The part of a unit that is enough for one more request: with a threshold of one unit, no client would use
 * the end of each window's quota.
 */
const ENOUGH = 0.65;

/** The most that a busy process may catch up on the spreading, in ms: timers are late. */
const LATE_MS = 10;

/**
 * The time for which an unanswered request keeps others from asking for the remaining quota, in ms; also for
 * a quota without a stated end.
 */
export const ALONE_MS = 1000;

/** The longest validity of a server's statement, in ms: a day. */
export const BELIEVED_MS = 864e5;

/** A quota without any statement yet: one request at a time finds out. */
export function newBucket(): Bucket {
  /** Remaining units in the newest response. */
  let left = 0;
  /** The time at which the quota is whole again; then one request finds out the remaining units. */
  let resetAt = 0;
  /** The times of that response and of its request. */
  let heardAt = 0;
  let newestAt = 0;
  /** The rest of the quota's window in the first response, in ms. */
  let spanMs = 0;
  /** The times of this process's pending requests, the oldest first. */
  const unanswered: number[] = [];
  /** The recent requests of this process, and the units that all clients used. */
  let own = 0;
  let total = 0;
  /** Requests are spread: the next one goes no earlier. */
  let nextAt = 0;

  /** The requests that the newest response may not count: those sent within its own latency before it. */
  function open(): number {
    const first = unanswered.findIndex((at) => at >= 2 * newestAt - heardAt);
    return first < 0 ? 0 : unanswered.length - first;
  }

  /** This process's recent share of the quota's use, in requests per unit. */
  function share(): number {
    return Math.min(1, own / (total || own || 1));
  }

  /**
   * The requests that this process may still send: its share of the remaining quota. Other processes have
   * used some of it since the newest response: they are assumed to spread theirs over the window too.
   */
  function free(now: number): number {
    const passed = Math.min(1, (now - heardAt) / (resetAt - heardAt || 1));
    return left * (1 - (1 - share()) * passed) * share() - open();
  }

  return {
    opensAt(now, deadline, spread) {
      const isOver = now >= resetAt;
      if (!isOver && left - open() < 1) return resetAt;
      const aloneUntil = unanswered.length > 0 ? unanswered.at(-1)! + ALONE_MS : 0;
      const opens = isOver
        ? aloneUntil
        : free(now) < ENOUGH
        ? Math.min(resetAt, Math.max(aloneUntil, heardAt + spanMs * PAUSE / share()))
        : spread
        ? nextAt
        : 0;
      return Math.min(opens, deadline);
    },
    take(now) {
      const requests = Math.max(1, free(now));
      unanswered.push(now);
      nextAt = Math.max(nextAt, now - LATE_MS) + Math.max(0, resetAt - now) / requests;
    },
    leave(sentAt) {
      unanswered.splice(unanswered.indexOf(sentAt), 1);
    },
    learn({ remaining, limit, cost, resetMs, windowMs }, sentAt, now) {
      const isNewWindow = now >= resetAt || remaining > left;
      // Of parallel requests either may have been first: this response is older than the newest.
      if (isNewWindow && now < resetAt && sentAt <= heardAt) {
        own++;
        return;
      }
      own = own * KEPT + 1;
      total = total * KEPT +
        Math.max(cost, isNewWindow ? (limit ?? remaining + cost) - remaining : left - remaining);
      const restMs = Math.min(BELIEVED_MS, (resetMs ?? windowMs) || ALONE_MS);
      if (isNewWindow) {
        nextAt = 0;
        spanMs = restMs;
      }
      // Servers round the time up to whole seconds, so the least statement is the most accurate.
      resetAt = Math.min(isNewWindow ? Infinity : resetAt, now + restMs);
      left = remaining;
      heardAt = now;
      newestAt = Math.max(newestAt, sentAt);
    },
  };
}
