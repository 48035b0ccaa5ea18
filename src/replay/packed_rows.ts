/**
 * Rows of numbers in little room.
 *
 * @module
 */

import { letGo } from "./let_go.ts";

/** Numbers of 0 to 2^32 - 1, or whole or broken ones of any size. */
export type Column = Uint32Array | Float64Array;

/** Times are mostly whole seconds. */
const STEPS = [1000, 1];

/** The place of a column's numbers in each row: as many bits as the largest one less the least one takes. */
interface Field {
  readonly least: number;
  readonly step: number;
  /** Bits before it in a row. */
  readonly offset: number;
  readonly width: number;
  /** The numbers themselves, where no 32 bits hold them. */
  readonly loose: Column | null;
}

/** How many steps of one size there are at most from the least number to any; -1 where one is between two steps, or too far. */
function mostSteps(column: Column, least: number, step: number): number {
  let most = 0;
  for (let i = 0; i < column.length; i++) {
    const steps = (column[i] - least) / step;
    if (steps !== steps >>> 0) return -1;
    if (steps > most) most = steps;
  }
  return most;
}

function fieldOf(column: Column, offset: number): Field {
  let least = Infinity;
  for (let i = 0; i < column.length; i++) if (column[i] < least) least = column[i];
  for (const step of STEPS) {
    const most = mostSteps(column, least, step);
    if (most !== -1) return { least, step, offset, width: 32 - Math.clz32(most), loose: null };
  }
  return { least, step: 1, offset, width: 0, loose: column.slice() };
}

/** Rows that are written once. */
export class PackedRows {
  readonly #fields: readonly Field[];
  /** Bits of a row. */
  readonly #width: number = 0;
  readonly #words: Uint32Array;

  /** @param columns All of one length. */
  constructor(columns: readonly Column[]) {
    const fields: Field[] = [];
    for (const column of columns) {
      const field = fieldOf(column, this.#width);
      fields.push(field);
      this.#width += field.width;
    }
    this.#fields = fields;
    this.#words = new Uint32Array(Math.ceil(columns[0].length * this.#width / 32));
    fields.forEach((field, i) => this.#write(field, columns[i]));
  }

  #write({ least, step, offset, width }: Field, column: Column): void {
    if (width === 0) return;
    const words = this.#words;
    for (let row = 0, bit = offset; row < column.length; row++, bit += this.#width) {
      const value = (column[row] - least) / step;
      const index = bit >>> 5;
      const shift = bit & 31;
      words[index] |= value << shift;
      if (shift + width > 32) words[index + 1] |= value >>> (32 - shift);
    }
  }

  /** The number of a row in a column. */
  get(row: number, column: number): number {
    const { least, step, offset, width, loose } = this.#fields[column];
    if (loose !== null) return loose[row];
    if (width === 0) return least;
    const words = this.#words;
    const bit = row * this.#width + offset;
    const index = bit >>> 5;
    const shift = bit & 31;
    let value = words[index] >>> shift;
    if (shift + width > 32) value |= words[index + 1] << (32 - shift);
    return least + step * (width === 32 ? value >>> 0 : value & ((1 << width) - 1));
  }

  /** Lets go of the rows, which nobody reads any more. */
  letGo(): void {
    letGo(this.#words);
  }
}
