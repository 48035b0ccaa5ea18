/**
 * Lines on the console, with the package's name before each.
 *
 * @module
 */

import { messageOf } from "./cannot.ts";

const PREFIX = "@weir/throttle: ";
/** The longest reason, in characters. */
const MAX_REASON = 300;

const warned = new Set<string>();

/** Writes a warning with details to `console.warn`. */
export function warn(sentence: string, ...details: unknown[]): void {
  console.warn(PREFIX + sentence, ...details);
}

/** Writes a warning to `console.warn`, once per process. */
export function warnOnce(sentence: string): void {
  if (warned.has(sentence)) return;
  warned.add(sentence);
  warn(sentence);
}

/** Writes an error with details to `console.error`. */
export function complain(sentence: string, ...details: unknown[]): void {
  console.error(PREFIX + sentence, ...details);
}

/** An error as the end of a line: one sentence. */
export function reasonOf(error: unknown): string {
  const line = messageOf(error).replace(/\s+/g, " ").trim().slice(0, MAX_REASON);
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
