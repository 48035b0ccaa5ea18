/**
 * Noticing a rate from a function whose window gets shorter while it is open.
 *
 * @module
 */

import type { Policy } from "../algorithms/algorithm.ts";
import { warnOnce } from "../warn_once.ts";

/** How many partitions it has in view: those asked about last. One that counts down to midnight does so for all of them. */
const MOST = 256;

/** The window that a partition was asked with, and the time until which that charge is in it. */
interface Seen {
  readonly windowMs: number;
  /** Epoch ms. */
  readonly until: number;
}

/**
 * Watches the policies that a function gives. Units used are judged by the window of the latest: under one that gets
 * shorter it lapses early, and more than the limit passes, which is right for a change of plan and no way to count until
 * midnight. Warns of that once per process and rule.
 *
 * @param rule The rule's name.
 * @param clock Epoch ms.
 * @returns A function to call with each policy and the partition it is for.
 */
export function windowWatch(rule: string, clock: () => number): (partition: string, policy: Policy) => void {
  const seen = new Map<string, Seen>();
  let hasWarned = false;
  return (partition, { windowMs }) => {
    if (hasWarned) return;
    const now = clock();
    const before = seen.get(partition);
    if (before !== undefined && windowMs < before.windowMs && now < before.until) {
      hasWarned = true;
      seen.clear();
      warnOnce(
        `The window of rule "${rule}" got shorter while it was open (${before.windowMs} ms, then ${windowMs} ms): what was ` +
          "used lapses with the shorter one, so more than its limit can pass. Give the rate a fixed window, or, to count " +
          'by the day, `rate: "1000/day"` with `algorithm: fixedWindow({ aligned: true })`.',
      );
      return;
    }
    seen.delete(partition);
    const [oldest] = seen.size >= MOST ? seen.keys() : [];
    if (oldest !== undefined) seen.delete(oldest);
    seen.set(partition, { windowMs, until: now + windowMs });
  };
}
