/**
 * The order of times.
 *
 * @module
 */

/** Where ascending runs begin, and the end of the last. */
function runsOf(length: number, at: (index: number) => number): number[] {
  const starts: number[] = [];
  let last = Infinity;
  for (let i = 0; i < length; i++) {
    const time = at(i);
    if (time < last) starts.push(i);
    last = time;
  }
  return [...starts, length];
}

/** Merges two runs of `from` that follow each other at the same indices of `to`. */
function merge(
  from: Uint32Array,
  to: Uint32Array,
  [start, middle, end]: readonly [number, number, number],
  at: (index: number) => number,
): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    const takesLeft = right === end || (left < middle && at(from[left]) <= at(from[right]));
    to[i] = takesLeft ? from[left++] : from[right++];
  }
}

/**
 * The indices of times in ascending order; equal times keep their order. Logs are long runs in order, or nearly so: runs are
 * merged in pairs, in eight bytes for each time, where the engine's own sort takes sixteen more.
 *
 * @param length The number of times.
 * @param at The time at an index.
 */
export function orderOf(length: number, at: (index: number) => number): Uint32Array {
  let order = new Uint32Array(length).map((_, i) => i);
  let other = new Uint32Array(length);
  let runs = runsOf(length, at);
  while (runs.length > 2) {
    const merged: number[] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const middle = runs[i + 1];
      merge(order, other, [runs[i], middle, runs[i + 2] ?? middle], at);
      merged.push(runs[i]);
    }
    runs = [...merged, length];
    [order, other] = [other, order];
  }
  return order;
}
