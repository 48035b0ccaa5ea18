/**
 * A segment of a fingerprint table: slots in typed arrays, found by open addressing with linear probing. An entry that is
 * taken out leaves no mark behind, so a segment that entries come to and go from stays as fast, and as large, as it was.
 *
 * @module
 */

/** Some slots. */
export interface Segment {
  readonly slots: number;
  /** The number of slots with an entry. */
  filled: number;
  /** Numbers per slot: those of the state, and one for the fingerprint. */
  readonly wide: number;
  /**
   * The slots, each a fingerprint's low and high half and then the state, so that finding a key brings its state along.
   * Signed, as engines box greater integers.
   */
  readonly prints: Int32Array;
  /** The same bytes. */
  readonly states: Float64Array;
  /** Each entry's kind, in a list of its own, as only the search for an entry that may go reads it. */
  readonly kinds: Uint16Array;
  /**
   * How much of its quota each entry had left when that was last seen, from 0, nothing, to 255, all; 0 in empty slots. So
   * the least used one of many is found by a look at as many bytes.
   */
  readonly levels: Uint8Array;
  /** The object of each entry, where its form has objects. */
  readonly objects: unknown[] | null;
  /** Before this time none is over, epoch ms. */
  soonest: number;
  /** The slot at which the next look for what is over begins, */
  hand: number;
  /** and what {@link soonest} is once all slots have been looked at. */
  next: number;
}

/** The level of a share of a quota, 0 to 1: of nothing alone it is 0. That of no number is 0 in an array of bytes. */
export function levelOf(share: number): number {
  return Math.ceil(255 * Math.min(1, share));
}

/** The low half of the fingerprint in an empty slot: no entry has it. */
export const EMPTY = 0;

/**
 * @param slots How many; below 2^14.
 * @param width How many numbers each state has.
 * @param hasObjects Has it anything else?
 * @returns A segment without entries.
 */
export function segmentOf(slots: number, width: number, hasObjects = false): Segment {
  const wide = width + 1;
  const states = new Float64Array(wide * slots);
  const prints = new Int32Array(states.buffer);
  const objects = hasObjects ? new Array(slots).fill(undefined) : null;
  const kinds = new Uint16Array(slots);
  const levels = new Uint8Array(slots);
  const times = { soonest: Infinity, hand: 0, next: Infinity };
  return { slots, filled: 0, wide, prints, states, kinds, levels, objects, ...times };
}

/** Takes note of an entry that is over at a time. */
export function noteEnd(segment: Segment, end: number): void {
  if (end < segment.soonest) segment.soonest = end;
  if (end < segment.next) segment.next = end;
}

/** Goes on to the next slot, the one at the hand having been looked at and what it holds taken note of in `next`. */
export function turn(segment: Segment): void {
  segment.hand++;
  if (segment.hand < segment.slots) return;
  segment.hand = 0;
  segment.soonest = segment.next;
  segment.next = Infinity;
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
 * Searches from the slot that the low half gives, its {@link scale}, to the first empty one.
 *
 * @returns The fingerprint's slot or, where it has none, the complement of the one that it would have.
 */
export function probe({ prints, slots, wide }: Segment, low: number, high: number): number {
  // `scale`, written out: every decision searches, and this is a call less.
  for (let i = ((low >>> 14) * slots) >>> 18;; i = i + 1 === slots ? 0 : i + 1) {
    const at = 2 * wide * i;
    const there = prints[at];
    if (there === low && prints[at + 1] === high) return i;
    if (there === EMPTY) return ~i;
  }
}

/** Puts a new entry, its state all zeros so far, into the empty slot that a search came to. */
export function add(segment: Segment, slot: number, low: number, high: number, kind: number): void {
  const { prints, states, wide } = segment;
  const at = wide * slot;
  for (let n = 1; n < wide; n++) states[at + n] = 0;
  prints[2 * at] = low;
  prints[2 * at + 1] = high;
  segment.kinds[slot] = kind;
  segment.filled++;
}

/** Copies all of an entry to a slot, of its own segment or another of its table. */
function copy(from: Segment, slot: number, to: Segment, into: number): void {
  const { wide } = from;
  // As integers, as two of them may look like a number that has several forms.
  for (let n = 0; n < 2 * wide; n++) to.prints[2 * wide * into + n] = from.prints[2 * wide * slot + n];
  to.kinds[into] = from.kinds[slot];
  to.levels[into] = from.levels[slot];
  if (to.objects !== null) to.objects[into] = from.objects![slot];
}

/** Empties a slot, though searches may still come by it to the entries behind. */
export function empty(segment: Segment, slot: number): void {
  segment.prints[2 * segment.wide * slot] = EMPTY;
  segment.levels[slot] = 0;
  if (segment.objects !== null) segment.objects[slot] = undefined;
  segment.filled--;
}

/** Moves an entry, in its segment or to another, to the empty slot that a search came to. */
export function move(from: Segment, slot: number, to: Segment, into: number): void {
  copy(from, slot, to, into);
  empty(from, slot);
  to.filled++;
  noteEnd(to, from.soonest);
}

/** Takes an entry out and lets those behind it move up, so that searches still end at the first empty slot. */
export function takeOut(segment: Segment, slot: number): void {
  const { slots } = segment;
  let hole = slot;
  for (let i = slot + 1;; i++) {
    if (i === slots) i = 0;
    const low = lowAt(segment, i);
    if (low === EMPTY) break;
    // None may come before the slot where its search begins.
    if (way(scale(low, slots), i, slots) < way(hole, i, slots)) continue;
    copy(segment, i, segment, hole);
    hole = i;
  }
  empty(segment, hole);
  // An entry that has moved past the hand has not been looked at.
  const ahead = way(slot, segment.hand, slots);
  if (ahead > 0 && ahead <= way(slot, hole, slots)) noteEnd(segment, segment.soonest);
}

/** The distance from slot to slot, wrapping around. */
function way(from: number, to: number, slots: number): number {
  return to < from ? to - from + slots : to - from;
}
