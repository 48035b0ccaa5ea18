/**
 * Blocks for lists of numbers of any length: of sizes that double, so that a list that grows rarely moves.
 *
 * @module
 */

import type { NumberBlocks } from "../../algorithms/log_form.ts";
import { type Slab, slabOf } from "./slab.ts";

/** Sizes: 2^2 numbers, 2^3, and so on. */
const SIZES = 32;
const LEAST = 2;

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
