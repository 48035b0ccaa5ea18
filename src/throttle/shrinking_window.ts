/**
 * Noticing a rate from a function whose window gets shorter while it is open.
 *
 * @module
 */

import type { RulePolicy } from "../rules/calendar.ts";
import { warnOnce } from "../warn_once.ts";

/** How many partitions it has in view at most. A window that ends at midnight does so for all of them. */
const MAX_PARTITIONS = 256;

/** The window that a partition was asked with, and the time until which that charge is in it. */
interface Seen {
  readonly windowMs: number;
  /** Epoch ms. */
  readonly until: number;
}

/**
 * Watches the policies that a function gives. Units used are judged by the window of the latest: under one that gets
 * shorter it lapses early, and more than the limit passes, which is right for a change of plan and no way to count until
 * midnight: a calendar period is, and it is not watched. Warns of that once per process and rule.
 *
 * @param rule The rule's name.
 * @param clock Epoch ms.
 * @returns A function to call with each policy and the partition it is for.
 */
export function windowWatch(
  rule: string,
  clock: () => number,
): (partition: string, policy: RulePolicy) => void {
  const seen = new Map<string, Seen>();
  let hasWarned = false;
  return (partition, { windowMs, calendar }) => {
    if (hasWarned || calendar !== undefined) return;
    const now = clock();
    const before = seen.get(partition);
    if (before !== undefined && windowMs < before.windowMs && now < before.until) {
      hasWarned = true;
      seen.clear();
      warnOnce(
        `The window of rule "${rule}" got shorter while it was open (${before.windowMs} ms, then ${windowMs} ms), so more than ` +
          'its limit can pass. Give the rate a fixed window or, to count until midnight, `every: "day"`.',
      );
      return;
    }
    if (seen.size >= MAX_PARTITIONS) seen.clear();
    seen.set(partition, { windowMs, until: now + windowMs });
  };
}
