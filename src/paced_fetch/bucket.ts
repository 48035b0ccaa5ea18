/**
 * What a client knows of one quota of a server, and when it may send the next request under it.
 *
 * @module
 */

import type { ServerQuota } from "./plan.ts";

/** One quota, as the last answers tell it. Times are epoch ms. */
export interface Bucket {
  /** Units left by the newest answer. */
  left: number;
  /** When the quota is whole again; then one request finds out what is left. */
  resetAt: number;
  /** When that answer arrived, and when its request was sent. */
  heardAt: number;
  sentAt: number;
  /** How long the quota's window still lasted when it was first heard of, in ms. */
  spanMs: number;
  /** Requests of this process that have no answer yet. */
  inFlight: number;
  /** Units that this process used, and that all clients of the quota used, lately. */
  own: number;
  total: number;
  /** Requests are spread: the next one goes no earlier. */
  nextAt: number;
}

/** How much of what was used before counts, at each answer, in this process's share. */
const KEPT = 0.9;

/** The part of a window, per client of the quota, after which a process whose share is below one unit asks what is left. */
const PAUSE = 0.25;

/** How far a process that was busy may catch up on the spreading, in ms: timers are late. */
const LATE_MS = 5;

/** How long a quota lasts whose server does not say it, in ms. */
const UNKNOWN_MS = 1000;

/** A quota that nothing is known of. */
export function newBucket(): Bucket {
  return { left: 0, resetAt: 0, spanMs: 0, heardAt: 0, sentAt: 0, inFlight: 0, own: 0, total: 0, nextAt: 0 };
}

/**
 * Takes in what an answer says.
 *
 * @param sentAt When the answer's request was sent.
 * @param now When the answer arrived.
 */
export function learn(bucket: Bucket, quota: ServerQuota, sentAt: number, now: number): void {
  const { remaining, limit, cost } = quota;
  const resetAt = now + (quota.resetMs ?? quota.windowMs ?? UNKNOWN_MS);
  const isNewWindow = now >= bucket.resetAt || remaining > bucket.left;
  // Requests and answers overtake each other: this one tells of a time before the newest.
  const isOlder = sentAt < bucket.sentAt || remaining <= bucket.left + bucket.inFlight;
  if (remaining > bucket.left && now < bucket.resetAt && isOlder) {
    bucket.own += cost;
    return;
  }
  const used = isNewWindow ? (limit ?? remaining + cost) - remaining : bucket.left - remaining;
  bucket.own = bucket.own * KEPT + cost;
  bucket.total = bucket.total * KEPT + Math.max(cost, used);
  if (isNewWindow) {
    bucket.nextAt = 0;
    bucket.spanMs = resetAt - now;
  }
  // Servers round the time up to whole seconds, so the least of what they say is nearest.
  bucket.resetAt = isNewWindow ? resetAt : Math.min(bucket.resetAt, resetAt);
  bucket.left = remaining;
  bucket.heardAt = now;
  bucket.sentAt = sentAt;
}

/** The part of the quota's use that is this process's, of late. */
function share({ own, total }: Bucket): number {
  return total > 0 ? Math.min(1, own / total) : 1;
}

/**
 * The units that this process may still use: its share of what is left. Others have used some of that since the newest
 * answer: they are taken to spread theirs over the window too.
 */
function free(bucket: Bucket, now: number): number {
  const { left, resetAt, heardAt, inFlight } = bucket;
  const own = share(bucket);
  const passed = Math.min(1, Math.max(0, now - heardAt) / Math.max(1, resetAt - heardAt));
  return left * (1 - (1 - own) * passed) * own - inFlight;
}

/**
 * When the next request may go, epoch ms: now or earlier means at once, Infinity means when the answer to one that is
 * in flight has arrived.
 *
 * @param spread Spread what is left over the rest of the window, rather than use it at once.
 */
export function opensAt(bucket: Bucket, now: number, spread: boolean): number {
  const { left, resetAt, heardAt, inFlight, nextAt } = bucket;
  if (now >= resetAt) return inFlight === 0 ? now : Infinity;
  if (left - inFlight < 1) return resetAt;
  if (free(bucket, now) >= 1) return spread ? nextAt : now;
  return inFlight === 0 ? Math.min(resetAt, heardAt + bucket.spanMs * PAUSE / share(bucket)) : Infinity;
}

/** Notes that a request goes. */
export function take(bucket: Bucket, now: number): void {
  const units = Math.max(1, free(bucket, now));
  bucket.inFlight++;
  bucket.nextAt = Math.max(bucket.nextAt, now - LATE_MS) + Math.max(0, bucket.resetAt - now) / units;
}
