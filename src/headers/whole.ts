/**
 * Durations and quotas as whole numbers that a header can say. Never NaN, negative or infinite, whatever a
 * custom algorithm or store came up with.
 *
 * @module
 */

import type { Standing } from "../decision.ts";
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

/** Seconds of a wait in ms: at least 1, as a client told 0 would retry in a tight loop. */
export function waitSeconds(ms: number): number {
  return Math.max(1, seconds(ms));
}

/** Units that a client can use now, as they come: never above the limit, none while a block lasts. */
export function unitsLeft({ blockedMs, remaining, limit }: Standing): number {
  return blockedMs > 0 ? 0 : Math.min(remaining, limit);
}

/** The same as a {@link whole} number. */
export function remainingUnits(standing: Standing): number {
  return whole(unitsLeft(standing));
}
