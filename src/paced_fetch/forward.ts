/**
 * A clock that never goes back.
 *
 * @module
 */

/**
 * Makes a clock that stands still where the given one is set back, and goes on with it: otherwise a wait would be
 * longer by as much as the clock was set back.
 *
 * @param clock Epoch ms. It may step.
 * @returns Its first reading, and the ms that have passed since, as far as it showed them.
 */
export function forward(clock: () => number): () => number {
  let last = 0;
  let time = 0;
  return () => {
    const now = clock();
    if (now > last) time += now - last;
    last = now;
    return time;
  };
}
