/**
 * Durations and quotas as whole numbers that a header can hold. Never NaN, negative or infinite, whatever a custom algorithm
 * or store came up with.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { GREATEST_INTEGER } from "./structured_field.ts";

/** Units, rounded down. */
export function whole(units: number): number {
  // Asked this way round so that NaN gives 0.
  return units > 0 ? Math.min(Math.floor(units), GREATEST_INTEGER) : 0;
}

/** Seconds of ms, rounded up: a client that waits them has waited long enough. */
export function seconds(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms / 1000), GREATEST_INTEGER) : 0;
}

/** Seconds of a wait in ms: at least 1, as a client that reads 0 would retry in a tight loop. */
export function waitSeconds(ms: number): number {
  return Math.max(1, seconds(ms));
}

/** {@link whole} units that a client can use now: never above the limit, none while a block lasts. */
export function remainingUnits(
  { blockedMs, remaining, limit }: Pick<Required<Decision>, "blockedMs" | "remaining" | "limit">,
): number {
  return blockedMs > 0 ? 0 : whole(Math.min(remaining, limit));
}

/** A power of 2. */
const SIZE = 1024;

/** Some number and its text, at the index that the number's last bits give. */
const numbers = /* @__PURE__ */ new Float64Array(SIZE);
const texts: string[] = /* @__PURE__ */ new Array(SIZE).fill("0");

/**
 * A number as a header holds it: {@link whole}. The texts are kept, as a response on Bun takes 25 to 40 ns less by that, on Deno 15
 * to 30, and on Node no more (scene "1 rule" of bench/pairs.mjs).
 */
export function decimal(number: number): string {
  const index = number & (SIZE - 1);
  if (numbers[index] !== number) {
    numbers[index] = number;
    texts[index] = String(whole(number));
  }
  return texts[index];
}
