/**
 * Quotas and waits in words that people read.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { waitSeconds } from "../headers/numbers.ts";

/** The units of a wait, and the seconds from which the next unit is used: an hour is still "60 minutes". */
const WAITS = [
  { name: "second", seconds: 1, below: 60 },
  { name: "minute", seconds: 60, below: 2 * 3600 },
  { name: "hour", seconds: 3600, below: 2 * 86400 },
  { name: "day", seconds: 86400, below: Infinity },
];

/**
 * A number of things: "1 request", "2 requests".
 *
 * @param shown The number as text.
 */
export function counted(count: number, noun: string, shown = `${count}`): string {
  return `${shown} ${noun}${count === 1 ? "" : "s"}`;
}

/** A wait, given in ms, in words: at least a second, rounded up: 119 seconds are "2 minutes". */
export function waitText(waitMs: number): string {
  const seconds = waitSeconds(waitMs);
  const unit = WAITS.find(({ below }) => seconds < below)!;
  return counted(Math.ceil(seconds / unit.seconds), unit.name);
}

/** A window in words, exactly: "hour", "15 minutes", "250 ms". */
function windowText(windowMs: number): string {
  const unit = WAITS.findLast(({ seconds }) => windowMs % (1000 * seconds) === 0);
  if (unit === undefined) return `${windowMs} ms`;
  const count = windowMs / (1000 * unit.seconds);
  return count === 1 ? unit.name : counted(count, unit.name);
}

/** The numbers of a quota in words. */
export interface QuotaNumbers {
  readonly limit: number;
  readonly windowMs: number;
  readonly cost: number;
  readonly unit?: Algorithm["unit"];
  readonly every?: Policy["every"];
}

/**
 * A quota in words: "5 requests per 15 minutes", "1000 requests per month" by the calendar, "2 requests at a time",
 * "1000 units per hour" where a request costs more than 1.
 */
export function quotaText({ limit, windowMs, cost, unit, every }: QuotaNumbers): string {
  if (limit === 0) return "no requests";
  if (unit === "concurrent-requests") return `${counted(limit, "request")} at a time`;
  const noun = unit === "content-bytes" ? "byte" : cost === 1 ? "request" : "unit";
  return `${counted(limit, noun)} per ${every ?? windowText(windowMs)}`;
}
