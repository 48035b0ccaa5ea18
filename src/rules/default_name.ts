/**
 * The name of a rule without a `name`.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { UNITS_MS } from "../duration.ts";
import type { Key } from "../keys/key.ts";
import { parseRate } from "./rate.ts";
import type { Rule } from "./rule.ts";

/** The units of a window's name, those of {@link UNITS_MS} below a week. */
const UNITS = ["ms", "s", "min", "h", "d"];

/** A window in the largest unit that divides it: "15min". */
export function spanText(windowMs: number): string {
  const unit = UNITS.findLastIndex((_, i) => windowMs % UNITS_MS[i] === 0);
  return `${windowMs / UNITS_MS[unit]}${UNITS[unit]}`;
}

/** A descriptive name: "ip.POST-login.5-per-15min". */
export function derivedName(key: Key, on: readonly string[], quantity: string): string {
  return [key.keyName ?? "key", ...on, quantity]
    .map((part) => part.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, ""))
    .filter((part) => part !== "")
    .join(".")
    .slice(0, 64);
}

/** The part of a derived name for the rate and the algorithm. */
export function quantityText(
  rate: Rule["rate"],
  { window, heldWhileRunning }: Pick<Algorithm, "window" | "heldWhileRunning">,
  subject: string,
): string {
  if (typeof rate === "function") return "dynamic";
  if (rate === null) return "unlimited";
  const { limit, windowMs, calendar } = parseRate(rate, subject);
  if (heldWhileRunning) return `${limit}-at-once`;
  if (calendar !== undefined) return `${limit}-per-${calendar.every}`;
  const lastsMs = windowMs ?? window;
  return lastsMs === undefined ? `${limit}` : `${limit}-per-${spanText(lastsMs)}`;
}
