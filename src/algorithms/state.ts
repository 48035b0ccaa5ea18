/**
 * Names and dates of stored states, for every store.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";

/**
 * The name of an algorithm's state format: {@link Algorithm.form}. A state of another format is foreign and
 * counts as none.
 */
export function formOf({ form, name }: Pick<Algorithm, "form" | "name">): string {
  return form ?? name ?? "custom";
}

/** {@link formOf} an algorithm in plain characters: any other is written as its number, such as `%0020`. */
export function plainForm(algorithm: Pick<Algorithm, "form" | "name">): string {
  return formOf(algorithm).replace(
    /[^A-Za-z0-9_.+-]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The name under which a rule's states are stored: `login/gcra/900000`. Another algorithm or another window
 * has another name, so that each counts separately.
 *
 * @param rule The rule's name, without a slash.
 * @param algorithm Its algorithm, the block around it included.
 * @param window Its window in ms, or the name of its calendar; null if a function decides it per request, and past charges
 * count under the new one.
 * @returns A name without a colon: the partition follows the first colon of a key.
 */
export function stateName(
  rule: string,
  algorithm: Pick<Algorithm, "form" | "name">,
  window: number | string | null,
): string {
  const form = plainForm(algorithm);
  return window === null ? `${rule}/${form}` : `${rule}/${form}/${window}`;
}

/**
 * Is a time in a state too far ahead? A clock that went back by at most `spanMs`, a window or a block, leaves
 * states unchanged. A time further ahead came from a wrong clock: it counts as now, and its charge or block
 * lasts one span from now on.
 */
export function isAhead(time: number, now: number, spanMs: number): boolean {
  return time - now > spanMs;
}
