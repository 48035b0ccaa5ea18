/**
 * Calendar periods, as an algorithm sees them: a list of the times at which they begin.
 *
 * @module
 */

import type { Policy } from "./algorithm.ts";

/** The index of the latest boundary that is not after a time; -1 where there is none. */
export function latestOf(boundaries: readonly number[], time: number): number {
  return boundaries.findLastIndex((boundary) => boundary <= time);
}

/** The index of the boundary at which the period that contains a time begins; -1 where the list has no such period. */
function periodAt(boundaries: readonly number[], time: number): number {
  const i = latestOf(boundaries, time);
  return i < boundaries.length - 1 ? i : -1;
}

/** The length of the window that contains a charge, in ms: under calendar periods that of its period. */
export function windowOf({ windowMs, boundaries }: Policy, chargedAt: number): number {
  if (boundaries === undefined) return windowMs;
  const i = periodAt(boundaries, chargedAt);
  return i < 0 ? windowMs : boundaries[i + 1] - boundaries[i];
}

/** The end of the window that contains a charge, epoch ms. */
export function endOf({ windowMs, boundaries }: Policy, chargedAt: number): number {
  const i = boundaries === undefined ? -1 : periodAt(boundaries, chargedAt);
  return i < 0 ? chargedAt + windowMs : boundaries![i + 1];
}
