/**
 * Numbers as headers say them, without making the same text time and again: header values come from few numbers, and a server
 * takes a text that it has seen faster than a new one.
 *
 * @module
 */

import { whole } from "./whole.ts";

/** A power of 2. */
const SIZE = 1024;

/** Some number and its text, at the place that the number's last bits give. */
const numbers: number[] = [];
const texts: string[] = [];

/**
 * A number as a header says it: {@link whole}. What it takes to make it so is done for new numbers only.
 *
 * @param number Any number.
 */
export function decimal(number: number): string {
  if (numbers.length === 0) {
    for (let i = 0; i < SIZE; i++) {
      numbers.push(i);
      texts.push(String(i));
    }
  }
  const place = number & (SIZE - 1);
  if (numbers[place] !== number) {
    numbers[place] = number;
    texts[place] = String(whole(number));
  }
  return texts[place];
}
