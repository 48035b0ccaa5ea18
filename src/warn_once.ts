/**
 * Lines on the console. Each says first who speaks.
 *
 * @module
 */

const SPEAKER = "@weir/throttle: ";

const given = new Set<string>();

/** Says a sentence on `console.warn`, with what belongs to it. */
export function warn(sentence: string, ...details: unknown[]): void {
  console.warn(SPEAKER + sentence, ...details);
}

/** Says a sentence on `console.warn`, once per process. */
export function warnOnce(sentence: string): void {
  if (given.has(sentence)) return;
  given.add(sentence);
  warn(sentence);
}

/** Says a sentence on `console.error`, with what belongs to it. */
export function complain(sentence: string, ...details: unknown[]): void {
  console.error(SPEAKER + sentence, ...details);
}
