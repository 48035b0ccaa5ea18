/**
 * Numbers in columns that grow.
 *
 * @module
 */

import { letGo } from "./let_go.ts";

/** A whole number of at most 32 bits for each index; 0 for those that were never set. */
export class Growing {
  #values = new Uint32Array(1024);

  get(index: number): number {
    return index < this.#values.length ? this.#values[index] : 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const longer = new Uint32Array(Math.max(index + 1, this.#values.length * 2));
      longer.set(this.#values);
      letGo(this.#values);
      this.#values = longer;
    }
    this.#values[index] = value;
  }

  /**
   * Adds to a number.
   *
   * @returns The sum.
   */
  add(index: number, value: number): number {
    const sum = this.get(index) + value;
    this.set(index, sum);
    return sum;
  }

  /** The numbers that are not 0. */
  nonZero(): Uint32Array {
    return this.#values.filter((value) => value !== 0);
  }
}
