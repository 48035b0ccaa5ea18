/**
 * Warnings at construction.
 *
 * @module
 */

const given = new Set<string>();

/** Says a sentence on `console.warn`, once a process. */
export function warnOnce(sentence: string): void {
  if (given.has(sentence)) return;
  given.add(sentence);
  console.warn(sentence);
}
