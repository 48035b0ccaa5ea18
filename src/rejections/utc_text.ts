/**
 * Times as text.
 *
 * @module
 */

/** The last time that a Date can hold, in epoch ms; the first is as long before the epoch. */
export const END_OF_TIME = 8.64e15;

/** A time, epoch ms, as ISO 8601 in UTC. A later one than a Date can hold is the last that it can. */
export function utcText(time: number): string {
  return new Date(Math.min(time, END_OF_TIME)).toISOString();
}
