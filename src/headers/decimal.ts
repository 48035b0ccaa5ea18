/**
 * Numbers as text, without making the same text time and again: header values come from few numbers, and a server
 * takes a text that it has seen faster than a new one.
 *
 * @module
 */

const SIZE = 1024;

/** Some number and its text, at the place that the number's last bits give. */
const numbers: number[] = [];
const texts: string[] = [];

/** @param number An integer of at least 0. */
export function decimal(number: number): string {
  if (numbers.length === 0) {
    for (let i = 0; i < SIZE; i++) {
      numbers.push(i);
      texts.push(String(i));
    }
  }
  const place = number % SIZE;
  if (numbers[place] !== number) {
    numbers[place] = number;
    texts[place] = String(number);
  }
  return texts[place];
}
