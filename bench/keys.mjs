/**
 * Keys and clients from a seed, so that every contestant meets the same ones, as new flat strings like those
 * from a socket.
 */

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Draws from 0 to n - 1 by Zipf's law with exponent 1: the first is drawn most, the second half as often, and so on. */
export function zipf(n, random) {
  const sums = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) sums[i] = sum += 1 / (i + 1);
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const codes = [];

function digits(number) {
  if (number >= 100) codes.push(48 + Math.floor(number / 100));
  if (number >= 10) codes.push(48 + Math.floor(number / 10) % 10);
  codes.push(48 + number % 10);
}

/** The IPv4 address of a number, as a flat string without a cached hash. */
export function freshAddress(number) {
  codes.length = 0;
  for (let shift = 24; shift >= 0; shift -= 8) {
    digits((((number >>> 0) + 0x0b00_0000) >>> shift) & 0xff);
    if (shift > 0) codes.push(46);
  }
  return String.fromCharCode.apply(null, codes);
}
