/**
 * The name of a rule without a `name`.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import type { Key } from "../keys/key.ts";
import { parseRate } from "./rate.ts";
import type { Rule } from "./rule.ts";

const SPANS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** A window in the largest unit that divides it: "15min". */
function spanText(windowMs: number): string {
  const [unit, ms] = SPANS.find(([, ms]) => windowMs % ms === 0) as readonly [string, number];
  return `${windowMs / ms}${unit}`;
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
  const { limit, windowMs } = parseRate(rate, subject);
  if (heldWhileRunning === true) return `${limit}-at-once`;
  const lastsMs = windowMs ?? window;
  return lastsMs === undefined ? `${limit}` : `${limit}-per-${spanText(lastsMs)}`;
}
