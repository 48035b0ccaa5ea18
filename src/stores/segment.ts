/**
 * A segment of a fingerprint table: slots in typed arrays, found by open addressing with linear probing. An entry that is
 * taken out leaves no mark behind, so a segment that entries come to and go from stays as fast, and as large, as it was.
 *
 * @module
 */

/** Some slots. */
export interface Segment {
  readonly slots: number;
  /** How many have an entry. */
  filled: number;
  /** Numbers a slot: those of the state, and one's place for the fingerprint. */
  readonly wide: number;
  /**
   * The slots, each a fingerprint's low and high half and then the state, so that finding a key brings its state along.
   * Signed, as engines box greater integers.
   */
  readonly prints: Int32Array;
  /** The same bytes. */
  readonly states: Float64Array;
  /** Each entry's kind, apart, as only those who look for an entry that may go ask for it. */
  readonly kinds: Uint16Array;
}

/** What an empty slot has for the low half of a fingerprint: no entry has it. */
export const EMPTY = 0;

/**
 * @param slots How many; below 2^14.
 * @param width How many numbers each state has.
 * @returns A segment without entries.
 */
export function segmentOf(slots: number, width: number): Segment {
  const wide = width + 1;
  const states = new Float64Array(wide * slots);
  const prints = new Int32Array(states.buffer);
  return { slots, filled: 0, wide, prints, states, kinds: new Uint16Array(slots) };
}

/** An integer from 0 to n - 1, n being below 2^14, out of 18 of 32 random bits. */
export function scale(bits: number, n: number): number {
  return ((bits >>> 14) * n) >>> 18;
}

/** The low half of the fingerprint in a slot, or {@link EMPTY}. */
export function lowAt({ prints, wide }: Segment, slot: number): number {
  return prints[2 * wide * slot];
}

/** The high half of the fingerprint in a slot. */
export function highAt({ prints, wide }: Segment, slot: number): number {
  return prints[2 * wide * slot + 1];
}

/**
 * Searches from the slot that the low half gives to the first empty one.
 *
 * @returns The fingerprint's slot or, where it has none, the complement of the one that it would have.
 */
export function probe({ prints, slots, wide }: Segment, low: number, high: number): number {
  for (let i = scale(low, slots);; i = i + 1 === slots ? 0 : i + 1) {
    const at = 2 * wide * i;
    const there = prints[at];
    if (there === low && prints[at + 1] === high) return i;
    if (there === EMPTY) return ~i;
  }
}

/** Reads the state in a slot into `out`. */
export function read({ states, wide }: Segment, slot: number, out: Float64Array): void {
  const at = wide * slot + 1;
  for (let n = 0; n < wide - 1; n++) out[n] = states[at + n];
}

/** Puts a state into a slot. */
export function write({ states, wide }: Segment, slot: number, state: ArrayLike<number>): void {
  const at = wide * slot + 1;
  for (let n = 0; n < wide - 1; n++) states[at + n] = state[n];
}

/** Puts a new entry, without a state so far, into the empty slot that a search came to. */
export function add(segment: Segment, slot: number, low: number, high: number, kind: number): void {
  const { prints, wide } = segment;
  prints[2 * wide * slot] = low;
  prints[2 * wide * slot + 1] = high;
  segment.kinds[slot] = kind;
  segment.filled++;
}

/** Takes an entry out and lets those behind it move up, so that searches still end at the first empty slot. */
export function takeOut(segment: Segment, slot: number): void {
  const { prints, kinds, slots, wide } = segment;
  let hole = slot;
  for (let i = slot + 1;; i++) {
    if (i === slots) i = 0;
    const low = prints[2 * wide * i];
    if (low === EMPTY) break;
    // None may come before the slot where its search begins.
    if (way(scale(low, slots), i, slots) < way(hole, i, slots)) continue;
    for (let n = 0; n < 2 * wide; n++) prints[2 * wide * hole + n] = prints[2 * wide * i + n];
    kinds[hole] = kinds[i];
    hole = i;
  }
  prints[2 * wide * hole] = EMPTY;
  segment.filled--;
}

/** How many slots on from one slot another is, past the last of all to the first again. */
function way(from: number, to: number, slots: number): number {
  return to < from ? to - from + slots : to - from;
}
