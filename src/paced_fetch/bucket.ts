/**
 * A client's knowledge of one quota of a server, and the time of its next request under it.
 *
 * @module
 */

import type { ServerQuota } from "./plan.ts";

/** One quota, as the last responses state it. Times are ms of the origin's clock. */
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

/**
 * The most that a process may catch up on the spreading, in ms: on a busy machine timers are late by tens of
 * ms.
 */
const LATE_MS = 50;

/**
 * The part of other processes' expected use that counts before a response states it. If all of it did, the
 * end of each window's quota would be left over, as every process would leave it to the others.
 */
const EXPECTED = 0.8;

/**
 * The time for which an unanswered request keeps others from asking for the remaining quota, in ms; also for
 * a quota without a stated end.
 */
export const ALONE_MS = 1000;

/** The longest validity of a server's statement, in ms: a day. */
export const BELIEVED_MS = 864e5;

/** The recent use of one quota: this process's requests, and the units that all clients used. */
function newUse() {
  let own = 0;
  let total = 0;
  return {
    /**
     * This process's share of the remaining quota, in requests per unit. Other processes have used some since
     * the newest response: they are expected to spread theirs over the window too.
     *
     * @param passed The part of the rest of the window that has passed since then.
     */
    share(passed: number): number {
      const share = Math.min(1, own / (total || own || 1));
      return share * (1 - (1 - share) * passed * EXPECTED);
    },
    /** Records a response, and the units used since the newest; 0 for a response that is older than that. */
    add(units: number): void {
      const kept = units ? KEPT : 1;
      own = own * kept + 1;
      total = total * kept + units;
    },
  };
}

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
  /** Requests are spread: the next one goes no earlier. */
  let nextAt = 0;
  /** The times of this process's pending requests, the oldest first. */
  const unanswered: number[] = [];
  const use = newUse();

  /** The requests that the newest response may not count: those sent within its own latency before it. */
  const open = (): number => unanswered.filter((at) => at >= 2 * newestAt - heardAt).length;

  /** The requests that this process may still send. */
  function free(now: number): number {
    const passed = Math.min(1, (now - heardAt) / (resetAt - heardAt || 1));
    return left * use.share(passed) - open();
  }

  return {
    opensAt(now, deadline, spread) {
      const aloneUntil = (unanswered.at(-1) ?? -ALONE_MS) + ALONE_MS;
      if (now >= resetAt) return Math.min(aloneUntil, deadline);
      if (left - open() < 1) return resetAt;
      const opens = free(now) >= ENOUGH
        ? spread ? nextAt : 0
        : Math.min(resetAt, Math.max(aloneUntil, heardAt + spanMs * PAUSE / use.share(0)));
      return Math.min(opens, deadline);
    },
    take(now) {
      nextAt = Math.max(nextAt, now - LATE_MS) + Math.max(0, resetAt - now) / Math.max(1, free(now));
      unanswered.push(now);
    },
    leave(sentAt) {
      unanswered.splice(unanswered.indexOf(sentAt), 1);
    },
    learn({ remaining, limit, cost, resetMs, windowMs }, sentAt, now) {
      const isNewWindow = now >= resetAt || remaining > left;
      // Of parallel requests either may have been first: this response is older than the newest.
      if (isNewWindow && now < resetAt && sentAt <= heardAt) return use.add(0);
      use.add(Math.max(cost, isNewWindow ? (limit ?? remaining + cost) - remaining : left - remaining));
      const restMs = Math.min(BELIEVED_MS, (resetMs ?? windowMs) || ALONE_MS);
      if (isNewWindow) {
        nextAt = now;
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
