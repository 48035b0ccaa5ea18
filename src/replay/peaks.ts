/**
 * The most requests of one client within any window's length.
 *
 * @module
 */

/** How many times are let go of at once: to take each from the front of a list would move all the others each time. */
const MANY = 1024;

/** Counts the requests of one client, for several windows at once. A window is half-open: `[t, t + window)`. */
export class Peaks {
  /** For each window, the most requests within it so far. */
  readonly most: Float64Array;
  readonly #windows: readonly number[];
  /** The times of requests, each once, and how many requests came before each. */
  readonly #times: number[] = [];
  readonly #before: number[] = [];
  /** For each window, the index of the first time within it. */
  readonly #first: Int32Array;
  #count = 0;

  /** @param windows In ms, in any order. */
  constructor(windows: readonly number[]) {
    this.#windows = windows;
    this.most = new Float64Array(windows.length);
    this.#first = new Int32Array(windows.length);
  }

  /** @param at Not earlier than that of the request before. */
  add(at: number): void {
    const times = this.#times;
    const before = this.#before;
    if (times[times.length - 1] !== at) {
      times.push(at);
      before.push(this.#count);
    }
    this.#count++;
    let unused = times.length;
    for (let i = 0; i < this.#windows.length; i++) {
      const end = at - this.#windows[i];
      let first = this.#first[i];
      while (times[first] <= end) first++;
      this.#first[i] = first;
      unused = Math.min(unused, first);
      const count = this.#count - before[first];
      if (count > this.most[i]) this.most[i] = count;
    }
    if (unused >= MANY && unused * 2 >= times.length) this.#forget(unused);
  }

  #forget(count: number): void {
    this.#times.splice(0, count);
    this.#before.splice(0, count);
    for (let i = 0; i < this.#first.length; i++) this.#first[i] -= count;
  }
}
