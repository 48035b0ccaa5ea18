/**
 * Blocks for lists of numbers of any length: of sizes that double, so that a list that grows rarely moves.
 *
 * @module
 */

import { type Slab, slabOf } from "./slab.ts";

/** Sizes: 2^2 numbers, 2^3, and so on. */
const SIZES = 32;
const LEAST = 2;

/** Blocks of all sizes. A block is known by an integer. */
export interface NumberBlocks {
  /** A block for a list of so many numbers: the one that it has, where that is the right one or the next larger, else another. */
  fit(length: number, block: number | null): number;
  /** Gives a block back. */
  give(block: number): void;
  /** The numbers that a block is among, */
  dataOf(block: number): Float64Array;
  /** and where it begins. */
  startOf(block: number): number;
}

/** None so far. */
export function numberBlocks(): NumberBlocks {
  const slabs: (Slab | undefined)[] = [];
  const slabAt = (size: number): Slab => slabs[size] ??= slabOf(2 ** size);
  const within = (block: number): number => Math.floor(block / SIZES);

  function give(block: number): void {
    slabAt(block % SIZES).give(within(block));
  }

  return {
    fit(length, block) {
      const size = Math.max(LEAST, 32 - Math.clz32(length - 1));
      if (block !== null) {
        const has = block % SIZES;
        if (has === size || has === size + 1) return block;
        give(block);
      }
      return slabAt(size).take() * SIZES + size;
    },
    give,
    dataOf: (block) => slabAt(block % SIZES).dataOf(within(block)),
    startOf: (block) => slabAt(block % SIZES).startOf(within(block)),
  };
}
