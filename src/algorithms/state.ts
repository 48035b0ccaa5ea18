/**
 * Which stored state is a state, said once for every store: whose it is, and which of its times can be right.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";

/** How an algorithm's states are written: {@link Algorithm.form}. A state of another form is foreign, and counts as none. */
export function formOf({ form, name }: Pick<Algorithm, "form" | "name">): string {
  return form ?? name ?? "custom";
}

/**
 * The name that a rule's states are kept under: `login/gcra/900000`. Another algorithm's states, or another window's, have
 * another one, so that each counts by itself.
 *
 * @param rule The rule's name, which holds no slash.
 * @param algorithm Its algorithm, the block around it included.
 * @param windowMs Its window; null where that is decided per request, and the past judged by it.
 * @returns A name without a colon: what comes after the first colon of a key is the partition.
 */
export function stateName(
  rule: string,
  algorithm: Pick<Algorithm, "form" | "name">,
  windowMs: number | null,
): string {
  const form = formOf(algorithm).replace(
    /[^A-Za-z0-9_.+-]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return windowMs === null ? `${rule}/${form}` : `${rule}/${form}/${windowMs}`;
}

/**
 * Is a time in a state too far ahead to be right? A clock that is set back by less than `spanMs`, a window or a block, leaves
 * states as they are. One that lies further ahead was written by a clock that was wrong: it is taken for now, and what it
 * dates lasts for a span from now on, not until the wrong time has come.
 */
export function isAhead(time: number, now: number, spanMs: number): boolean {
  return time - now > spanMs;
}

/** The same for the twins. */
export const stateLua = `
local function is_ahead(time, now, span) return time - now > span end
`;
