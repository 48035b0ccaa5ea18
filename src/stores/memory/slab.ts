/**
 * Blocks of numbers of one size, in few typed arrays: the garbage collector has nothing to walk, and no block that comes or
 * goes costs more than the last.
 *
 * @module
 */

/** Some blocks. */
interface Chunk {
  readonly data: Float64Array;
  /** The first of those that nobody has; each begins with the number of the next. */
  free: number;
  /** The number of blocks that are taken. */
  taken: number;
}

/** Numbers in a chunk, but for blocks that are larger: 256 kB. */
const CHUNK_NUMBERS = 32_768;
/** More than the blocks of any chunk. */
const BLOCKS = 32_768;
const NONE = -1;

/** Keeps blocks of one size. A block is known by an integer below 2^47. */
export interface Slab {
  /** A block that is free from now on until it is given back. Its numbers are anything. */
  take(): number;
  /** Gives a block back. */
  give(block: number): void;
  /** The numbers that a block is a part of. */
  dataOf(block: number): Float64Array;
  /** The index of a block's first number among them. */
  startOf(block: number): number;
}

/** @param size How many numbers a block has. */
export function slabOf(size: number): Slab {
  const chunks: (Chunk | undefined)[] = [];
  /** Chunks that may have a free block, each once; the last one is asked first. */
  const open: number[] = [];
  /** Indices of chunks that are gone. */
  const gone: number[] = [];
  let blocks = 0;
  /** The one chunk that is kept though nobody has a block of it. */
  let spare = NONE;

  function openChunk(): number {
    // As many again as there are, so that a small store stays small.
    const most = Math.max(1, Math.floor(CHUNK_NUMBERS / size));
    const count = Math.min(most, Math.max(Math.min(most, 8), blocks));
    const data = new Float64Array(count * size);
    for (let i = 0; i < count; i++) data[i * size] = i + 1 < count ? i + 1 : NONE;
    const index = gone.pop() ?? chunks.length;
    chunks[index] = { data, free: 0, taken: 0 };
    blocks += count;
    open.push(index);
    return index;
  }

  return {
    take() {
      const index = open.length > 0 ? open[open.length - 1] : openChunk();
      const chunk = chunks[index]!;
      const block = chunk.free;
      chunk.free = chunk.data[block * size];
      chunk.taken++;
      if (index === spare) spare = NONE;
      if (chunk.free === NONE) open.pop();
      return index * BLOCKS + block;
    },
    give(block) {
      const index = Math.floor(block / BLOCKS);
      const chunk = chunks[index]!;
      const within = block % BLOCKS;
      if (chunk.free === NONE) open.push(index);
      chunk.data[within * size] = chunk.free;
      chunk.free = within;
      chunk.taken--;
      if (chunk.taken > 0) return;
      if (spare === NONE) {
        spare = index;
        return;
      }
      open.splice(open.indexOf(index), 1);
      chunks[index] = undefined;
      gone.push(index);
      blocks -= chunk.data.length / size;
    },
    dataOf: (block) => chunks[Math.floor(block / BLOCKS)]!.data,
    startOf: (block) => (block % BLOCKS) * size,
  };
}
