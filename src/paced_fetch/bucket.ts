/**
 * What a client knows of one quota of a server, and when it may send the next request under it.
 *
 * @module
 */

import type { ServerQuota } from "./plan.ts";

/** One quota, as the last answers tell it. Times are epoch ms. */
export interface Bucket {
  /**
   * When the next request may go: now or earlier means at once.
   *
   * @param deadline None waits longer than until then, but where nothing is left.
   * @param spread Spread what is left over the rest of the window, rather than use it at once.
   */
  opensAt(now: number, deadline: number, spread: boolean): number;
  /** Notes that a request goes. */
  take(now: number): void;
  /** Notes that a request which went then is over. */
  leave(sentAt: number): void;
  /**
   * Takes in what an answer says.
   *
   * @param sentAt When the answer's request was sent.
   * @param now When the answer arrived.
   */
  learn(quota: ServerQuota, sentAt: number, now: number): void;
}

/** How much of what was used before counts, at each answer, in this process's share. */
const KEPT = 0.9;

/** The part of a window, per client of the quota, after which a process whose share is below one unit asks what is left. */
const PAUSE = 0.25;

/** The part of a unit that is enough for one more request: with a whole one the end of each window's quota would be nobody's. */
const ENOUGH = 0.65;

/** How far a process that was busy may catch up on the spreading, in ms: timers are late. */
const LATE_MS = 10;

/** How long an unanswered request keeps others from asking too what is left, in ms; and a quota whose end is not told. */
export const ALONE_MS = 1000;

/** The longest that a server is believed without being asked again, in ms: a day. */
export const BELIEVED_MS = 864e5;

/** A quota that nothing is known of: one request at a time finds out. */
export function newBucket(): Bucket {
  /** Units left by the newest answer. */
  let left = 0;
  /** When the quota is whole again; then one request finds out what is left. */
  let resetAt = 0;
  /** When that answer arrived, and when its request was sent. */
  let heardAt = 0;
  let newestAt = 0;
  /** How long the quota's window still lasted when it was first heard of, in ms. */
  let spanMs = 0;
  /** When the requests of this process that have no answer yet were sent, the oldest first. */
  const unanswered: number[] = [];
  /** Requests of this process, and the units that all requests of all clients used, lately. */
  let own = 0;
  let total = 0;
  /** Requests are spread: the next one goes no earlier. */
  let nextAt = 0;

  /** The requests that the newest answer may not know of: those sent no longer before its own than that took. */
  function open(): number {
    const first = unanswered.findIndex((at) => at >= 2 * newestAt - heardAt);
    return first < 0 ? 0 : unanswered.length - first;
  }

  /** The part of the quota's use that is this process's, of late; in requests per unit. */
  function share(): number {
    return Math.min(1, own / (total || own || 1));
  }

  /**
   * The requests that this process may still send: its share of what is left. Others have used some of that since the newest
   * answer: they are taken to spread theirs over the window too.
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
      // Of requests that were under way together either may have come first: this one tells of a time before the newest.
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
      // Servers round the time up to whole seconds, so the least of what they say is nearest.
      resetAt = Math.min(isNewWindow ? Infinity : resetAt, now + restMs);
      left = remaining;
      heardAt = now;
      newestAt = Math.max(newestAt, sentAt);
    },
  };
}
