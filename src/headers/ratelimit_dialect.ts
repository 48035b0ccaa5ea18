/**
 * The difference between the lists of drafts 08 to 11 and of the text after them: the parameters for the units left of a
 * quota, and for the time that they must last.
 *
 * @module
 */

import { decimal } from "./numbers.ts";

/** A dialect of the RateLimit list. */
export interface Dialect {
  /** Begins the parameter for the units left. */
  readonly left: `;${string}=`;
  /** Begins the parameter for the seconds that they must last. */
  readonly window: `;${string}=`;
  /** Begins the parameter for the request's cost; null where there is none. */
  readonly cost: `;${string}=` | null;
  /** Finds the units left in a member. */
  readonly reads: RegExp;
}

/** Drafts 08 to 11. */
export const DRAFT_11: Dialect = { left: ";r=", window: ";t=", cost: null, reads: /;\s*r=(\d+)/ };
/** The working group's text of 15 August 2026, which may change: sections 3.1.1 to 3.1.4. */
export const NEXT: Dialect = { left: ";a=", window: ";w=", cost: ";c=", reads: /;\s*a=(\d+)/ };

/**
 * A policy's parameters, in each dialect of those given: readers of one ignore those of another.
 *
 * @param left Units left.
 * @param window Seconds; undefined where there is no such time.
 * @param cost The request's cost. A cost of one unit is expected, and is not written.
 */
export function writeParameters(
  dialects: readonly Dialect[],
  left: number,
  window: number | undefined,
  cost: number,
): string {
  let text = "";
  for (const dialect of dialects) {
    text += dialect.left + decimal(left);
    if (window !== undefined) text += dialect.window + decimal(window);
    if (dialect.cost !== null && cost !== 1) text += dialect.cost + decimal(cost);
  }
  return text;
}
