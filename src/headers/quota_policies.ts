/**
 * RateLimit-Policy as drafts 04 to 07 write it: policies without names, distinguished by their quota, and the
 * rules of those drafts that come with it.
 *
 * @module
 */

import { tightest } from "../decision.ts";
import {
  fieldThere,
  type HeaderDescription,
  type HeaderFields,
  type HeadersThere,
  NO_FIELDS,
  type Quota,
} from "./format.ts";
import { writeItem, writeList } from "./structured_field.ts";
import { seconds, waitSeconds, whole } from "./numbers.ts";

function isWindowed({ unit }: Quota): boolean {
  return unit !== "concurrent-requests";
}

/** The quotas that have the window these drafts require: not those of concurrency. */
function windowed(quotas: readonly Quota[]): readonly Quota[] {
  return quotas.filter(isWindowed);
}

/**
 * Seconds until the quota resets: on a refusal the wait, as it should be the same moment as Retry-After's.
 *
 * @returns Null when there is no such moment; then these drafts allow no state.
 */
function resetSeconds({ allowed, resetAfterMs, retryAfterMs }: Quota): number | null {
  if (!allowed && Number.isFinite(retryAfterMs)) return waitSeconds(retryAfterMs);
  return Number.isFinite(resetAfterMs) ? seconds(resetAfterMs) : null;
}

function writePolicy(quota: Quota): string {
  const { limit, windowMs } = quota;
  return writeItem(whole(limit), { w: seconds(windowMs) });
}

/**
 * The field that lists the policies, those that a nested throttle or an upstream lists first. No two may have the same
 * quota: the longer window is kept, as a client that keeps to it keeps to the shorter one too.
 */
function policiesField(quotas: readonly Quota[], there: HeadersThere): string {
  const known = fieldThere(there, "ratelimit-policy");
  const members = quotas.map(writePolicy);
  if (known !== null) members.unshift(...known.split(","));
  if (members.length === 1) return members[0];

  const windows = new Map<number, number>();
  for (const member of members) {
    const [, quota, window] = /^\s*(\d{1,15})\s*;\s*w=(\d{1,15})/.exec(member)?.map(Number) ?? [];
    // A member without a quota or a window is no policy of these drafts.
    if (window !== undefined) windows.set(quota, Math.max(window, windows.get(quota) ?? 0));
  }
  return writeList([...windows].map(([quota, w]) => writeItem(quota, { w })));
}

/**
 * The fields of these drafts: the list of policies, and the state of the tightest.
 *
 * @param quotas The quotas of a report.
 * @param there The fields that the response has.
 * @param stateOf Gives the fields of a quota's state, which resets after these seconds; null where it is not sent.
 */
export function withPolicies(
  quotas: readonly Quota[],
  there: HeadersThere,
  stateOf: (ours: Quota, reset: number) => HeaderFields | null,
): HeaderFields {
  const listed = windowed(quotas);
  if (listed.length === 0) return NO_FIELDS;
  const policies = { "ratelimit-policy": policiesField(listed, there) };
  const ours = tightest(listed);
  const reset = resetSeconds(ours);
  return reset === null ? policies : { ...policies, ...stateOf(ours, reset) };
}

/** The description of RateLimit-Policy in these drafts. */
export const describePolicies: HeaderDescription = {
  description: "Lists all rate limiting policies that apply: the quota of each and its window w in seconds.",
  on: "every",
  example: "100;w=60, 1000;w=86400",
};
