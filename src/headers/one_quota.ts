/**
 * What the formats have in common that can tell of one quota only: which one they tell, and when they leave
 * alone what a response tells already. Told is the tightest, or a client would trust the wrong number.
 *
 * @module
 */

import { share, type Standing, tighter } from "../decision.ts";
import { decimal } from "./decimal.ts";
import { headerThere, type Quota, type Report, standingOf } from "./format.ts";
import { remainingUnits, unitsLeft, whole } from "./whole.ts";

/** The names of three headers that tell of one quota. */
export interface QuotaHeaders {
  /** Units a window. */
  readonly limit: string;
  /** Units left. */
  readonly remaining: string;
  /** When the quota is whole again. */
  readonly reset: string;
}

/** The same names as `Headers` keep them: Node takes twice as long to set a name that it has to put in lower case first. */
export function lowerCase({ limit, remaining, reset }: QuotaHeaders): QuotaHeaders {
  return { limit: limit.toLowerCase(), remaining: remaining.toLowerCase(), reset: reset.toLowerCase() };
}

/** What to tell. `quotas` holds at least one. */
export function tightestOf(quotas: readonly Quota[]): Standing {
  let standing = standingOf(quotas[0]);
  for (let i = 1; i < quotas.length; i++) standing = tighter(standing, standingOf(quotas[i]));
  return standing;
}

/**
 * Does what a nested throttle or an upstream wrote stay, rather than `ours`?
 *
 * @param headers The response's headers.
 * @param limit The limit they tell, as text.
 * @param remaining The remaining units they tell, as text.
 * @param ours What we have to tell.
 */
export function isTighter(
  headers: Headers,
  limit: string,
  remaining: string | null,
  ours: Standing,
): boolean {
  if (remaining === null || !ours.allowed) return false;
  // What is no number (two joined by a comma, say) no client can read: ours is better.
  if (!/^\d+$/.test(limit) || !/^\d+$/.test(remaining)) return false;
  // A wait that we did not ask for: the response is the other one's refusal, and so are its numbers.
  if (headers.has("retry-after")) return true;
  return share({ limit: Number(limit), remaining: Number(remaining) }) <=
    share({ limit: whole(ours.limit), remaining: remainingUnits(ours) });
}

/**
 * May a format that tells of one quota tell of this one? Not on a denial by something else: a client that is refused would read
 * that it has units left.
 */
export function isToBeTold(ours: Standing, { denied, deniedWithin }: Report): boolean {
  return denied ? !ours.allowed : deniedWithin !== true;
}

/**
 * Writes three headers, unless the response is a denial by something else, or those that are there tell of something tighter.
 *
 * @param headers The response's headers.
 * @param names What the three are called.
 * @param ours What to tell.
 * @param reset The third one's number, or null when it cannot be said.
 * @param report What all is told.
 */
export function writeQuota(
  headers: Headers,
  names: QuotaHeaders,
  ours: Standing,
  reset: number | null,
  report: Report,
): void {
  if (!isToBeTold(ours, report)) return;
  const limit = headerThere(headers, names.limit, report);
  if (limit !== null && isTighter(headers, limit, headers.get(names.remaining), ours)) return;
  headers.set(names.limit, decimal(ours.limit));
  headers.set(names.remaining, decimal(unitsLeft(ours)));
  if (reset !== null) headers.set(names.reset, decimal(reset));
  else headers.delete(names.reset);
}
