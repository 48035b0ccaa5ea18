/**
 * A shelf for states of a few numbers: an open hash table in typed arrays. It keeps a 64-bit fingerprint of each
 * key instead of the key, so an entry takes 26 bytes (about 30 with the table's slack), no key is kept readable,
 * and the garbage collector has nothing to walk.
 *
 * Two keys with one fingerprint would share a quota. With n keys held, a new key meets one of them with a
 * probability of n / 2^64 (1 in 18 million million for a million keys); the hashes of names and of partitions are
 * keyed with secret seeds, so nobody can search for such keys.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { keyedHash, randomSeed, type Seed } from "../keyed_hash.ts";
import { LOOKS, type Place, type Room, type Shelf } from "./shelf.ts";
import type { Check } from "./store.ts";

/** Keys a segment holds when the store is full: few enough that making one anew takes a ms. */
const SEGMENT_KEYS = 8192;
/** The slots of such a segment, and of one that has just begun. */
const FULL_SLOTS = 9440;
const FIRST_SLOTS = 18;
/** The part of a segment's slots that may be filled before it is made anew. */
const MOST_FILLED = 8 / 9;
/** Segments of this size are searched whole for an entry that may go. */
const SMALL_SLOTS = 1024;
/** Names that are kept: as many as rules, but for those who ask the store themselves. */
const MOST_NAMES = 1000;
/** The most kinds that 16 bits tell apart. */
const MOST_KINDS = 0x1_0000;

/** What an empty slot has for the low half of a fingerprint; a search ends there. */
const EMPTY = 0;

/** What an entry is read by. */
interface Kind {
  readonly number: number;
  readonly algorithm: Algorithm;
  readonly policy: Policy;
}

/** The name of a rule. */
interface Name {
  readonly text: string;
  /** The halves of its hash. */
  readonly low: number;
  readonly high: number;
  /** What its latest new entry is read by. */
  kind: Kind | null;
  /** May entries of this name be of several kinds? Where not, the kind of an entry that is there needs no look. */
  isMixed: boolean;
  /** What was asked for after it the last time: the rules of a request mostly come in one order. */
  next: Name | null;
}

/** A part of the table that grows by itself, so that no request pays for growing the whole. */
interface Segment {
  readonly slots: number;
  /** Slots that have an entry. */
  filled: number;
  /**
   * The slots, each a fingerprint's low and high half and then the state, so that finding a key brings its state along.
   * Signed, as engines box greater integers.
   */
  readonly prints: Int32Array;
  /** The same bytes: a place for the fingerprint and `width` numbers a slot. */
  readonly states: Float64Array;
  /** Each entry's kind, apart, as only those who look for an entry that may go ask for it. */
  readonly kinds: Uint16Array;
}

/** A key's place in the table. */
interface Spot extends Place {
  readonly name: Name;
  /** The halves of its fingerprint. */
  readonly low: number;
  readonly high: number;
  readonly segment: Segment;
  /** Negative where it has none. */
  readonly slot: number;
}

/** An integer from 0 to n - 1, n being below 2^14, out of 18 of 32 random bits. */
function scale(bits: number, n: number): number {
  return ((bits >>> 14) * n) >>> 18;
}

/** How many slots on from one slot another is, past the last of all to the first again. */
function way(from: number, to: number, slots: number): number {
  return to < from ? to - from + slots : to - from;
}

/** The size after this one: half as large again, but the size of a full segment rather than one near it. */
function nextSlots(slots: number): number {
  const next = Math.ceil(slots * 1.5);
  if (slots < FULL_SLOTS && next > FULL_SLOTS * 0.8) return FULL_SLOTS;
  return slots < FULL_SLOTS ? next : Math.ceil(slots * 1.125);
}

function isSameRate(a: Policy, b: Policy): boolean {
  return a === b || (a.name === b.name && a.limit === b.limit && a.windowMs === b.windowMs);
}

/**
 * @param width How many numbers each state has.
 * @param room Shared with the other shelves of the store.
 * @returns An empty table.
 */
export function fingerprintTable(width: number, room: Room): Shelf {
  /** Numbers a slot: those of the state, and one's place for the fingerprint. */
  const wide = width + 1;
  const segments: (Segment | undefined)[] = new Array(Math.ceil(room.most / SEGMENT_KEYS));
  const kinds: Kind[] = [];
  const kindOfRate = new Map<string, Kind>();
  const names = new Map<string, Name>();
  /** The name that was asked for last. */
  let latest: Name | null = null;
  /** Were names forgotten? One that is made anew may have entries. */
  let forgot = false;
  const print = new Int32Array(2);
  /** What `print` is the hash of: a request's rules share their partition most often. */
  let printed: string | null = null;
  // Seeds of their own, so that a partition that is called like a rule is nothing special.
  let seed: Seed | null = null;
  let seedOfNames: Seed | null = null;
  /** Segments in use: one, small enough for a processor to keep at hand, and once that is full all of them. */
  let spread = 1;

  function segmentOf(slots: number): Segment {
    const states = new Float64Array(wide * slots);
    return { slots, filled: 0, prints: new Int32Array(states.buffer), states, kinds: new Uint16Array(slots) };
  }

  function hash(partition: string): void {
    if (partition === printed) return;
    keyedHash(partition, seed ??= randomSeed(), print);
    printed = partition;
  }

  function newName(text: string): Name {
    const halves = new Int32Array(2);
    keyedHash(text, seedOfNames ??= randomSeed(), halves);
    if (names.size >= MOST_NAMES) {
      names.clear();
      forgot = true;
    }
    const made = { text, low: halves[0], high: halves[1], kind: null, isMixed: forgot, next: null };
    names.set(text, made);
    return made;
  }

  function nameOf(text: string): Name {
    const before = latest;
    if (before !== null && before.text === text) return before;
    const next = before === null ? null : before.next;
    if (next !== null && next.text === text) return latest = next;
    latest = names.get(text) ?? newName(text);
    if (before !== null) before.next = latest;
    return latest;
  }

  /** Goes to a key: the hashes of its rule's name, of which there are few, and of its partition in one. */
  function search(text: string, partition: string): Spot {
    const name = nameOf(text);
    hash(partition);
    let low = print[0] ^ name.low;
    if (low === EMPTY) low = 1;
    const high = print[1] ^ name.high;
    const segment = segmentFor(high);
    const slot = probe(segment, low, high);
    return { state: slot < 0 ? null : read(segment, slot), name, low, high, segment, slot };
  }

  function searchKey(key: string): Spot {
    const colon = key.indexOf(":");
    // No name holds a colon.
    return colon === -1 ? search(":", key) : search(key.slice(0, colon), key.slice(colon + 1));
  }

  function searchFor(check: Check): Spot {
    const { partition } = check;
    return partition === undefined ? searchKey(check.key) : search(check.policy.name, partition);
  }

  function segmentFor(high: number): Segment {
    return segments[scale(high, spread)] ??= segmentOf(FIRST_SLOTS);
  }

  /**
   * Linear probing, from the slot that the low half gives.
   *
   * @returns The fingerprint's slot or, where it has none, the complement of the one that it would have.
   */
  function probe({ prints, slots }: Segment, low: number, high: number): number {
    for (let i = scale(low, slots);; i = i + 1 === slots ? 0 : i + 1) {
      const at = 2 * wide * i;
      const there = prints[at];
      if (there === low && prints[at + 1] === high) return i;
      if (there === EMPTY) return ~i;
    }
  }

  /** Is a key where it was found, if it was? A segment that was made anew has left nothing behind. */
  function isStill({ low, high, segment: { prints }, slot }: Spot): boolean {
    const at = 2 * wide * slot;
    return slot >= 0 && prints[at] === low && prints[at + 1] === high;
  }

  function read({ states }: Segment, slot: number): readonly number[] {
    const at = wide * slot + 1;
    const state = [states[at], states[at + 1]];
    for (let n = 2; n < width; n++) state.push(states[at + n]);
    return state;
  }

  function write({ states }: Segment, slot: number, state: readonly number[]): void {
    const at = wide * slot + 1;
    for (let n = 0; n < width; n++) states[at + n] = state[n];
  }

  /** The kind that a check makes its entry, which its name remembers. */
  function kindOf(name: Name, { algorithm, policy }: Check): Kind {
    const latest = name.kind;
    if (latest !== null && isSameRate(latest.policy, policy)) return latest;
    // A rate from a function has its policy made anew for each request. Past the last number, rates share that one.
    const rate = `${policy.name} ${policy.limit} ${policy.windowMs}`;
    let kind = kindOfRate.get(rate);
    if (kind === undefined) {
      kind = { number: Math.min(kinds.length, MOST_KINDS - 1), algorithm, policy };
      if (kinds.length < MOST_KINDS) {
        kinds.push(kind);
        kindOfRate.set(rate, kind);
      }
    }
    if (latest !== null) name.isMixed = true;
    return name.kind = kind;
  }

  /** What an entry means now: what a request that costs nothing would be told. */
  function look(
    segment: Segment,
    slot: number,
    now: number,
  ): { readonly isOver: boolean; readonly left: number; readonly used: number } {
    const { algorithm, policy } = kinds[segment.kinds[slot]];
    const { ttlMs, remaining } = algorithm.step(read(segment, slot), policy, now, 0, null);
    const used = policy.limit - remaining;
    return { isOver: ttlMs <= 0, left: remaining / Math.max(1, policy.limit), used };
  }

  /** Copies all of a slot but its kind. */
  function copy(from: Int32Array, i: number, to: Int32Array, k: number): void {
    for (let n = 0; n < 2 * wide; n++) to[2 * wide * k + n] = from[2 * wide * i + n];
  }

  /** Takes an entry out and lets those behind it move up, so that searches still end at the first empty slot. */
  function drop(segment: Segment, slot: number): void {
    const { prints, kinds, slots } = segment;
    let hole = slot;
    for (let i = slot + 1;; i++) {
      if (i === slots) i = 0;
      const low = prints[2 * wide * i];
      if (low === EMPTY) break;
      // None may come before the slot where its search begins.
      if (way(scale(low, slots), i, slots) < way(hole, i, slots)) continue;
      copy(prints, i, prints, hole);
      kinds[hole] = kinds[i];
      hole = i;
    }
    prints[2 * wide * hole] = EMPTY;
    segment.filled--;
    room.held--;
  }

  /** The segment for a fingerprint that needs a slot, made anew if it must be. */
  function segmentWithRoom(high: number, now: number): Segment {
    const segment = segmentFor(high);
    if (segment.filled + 1 <= segment.slots * MOST_FILLED) return segment;
    renew(segment, scale(high, spread), now);
    return segmentFor(high);
  }

  /**
   * Makes a segment anew, without what is over, and larger where that is not enough. The first one's entries go to
   * segments of their own when it can grow no more.
   */
  function renew(old: Segment, index: number, now: number): void {
    const { prints, kinds, slots } = old;
    let kept = 0;
    for (let i = 0; i < slots; i++) {
      if (prints[2 * wide * i] === EMPTY) continue;
      if (look(old, i, now).isOver) {
        prints[2 * wide * i] = EMPTY;
        room.held--;
      } else kept++;
    }
    const isCrowded = kept > slots * 0.6;
    if (isCrowded && slots >= FULL_SLOTS && spread < segments.length) {
      spread = segments.length;
      segments[index] = undefined;
    } else {
      segments[index] = segmentOf(isCrowded ? nextSlots(slots) : slots);
    }
    for (let i = 0; i < slots; i++) {
      const low = prints[2 * wide * i];
      if (low === EMPTY) continue;
      const high = prints[2 * wide * i + 1];
      const segment = segmentWithRoom(high, now);
      const slot = ~probe(segment, low, high);
      copy(prints, i, segment.prints, slot);
      segment.kinds[slot] = kinds[i];
      segment.filled++;
    }
    prints.fill(EMPTY);
  }

  /** Frees one place among the entries around a fingerprint's, if one may go. */
  function evict(segment: Segment, low: number, now: number): boolean {
    const { slots } = segment;
    let least = -1;
    let most = 0;
    let i = scale(low, slots);
    for (
      let looked = slots <= SMALL_SLOTS ? slots : LOOKS;
      looked > 0;
      looked--, i = i + 1 === slots ? 0 : i + 1
    ) {
      if (segment.prints[2 * wide * i] === EMPTY) continue;
      const { isOver, left, used } = look(segment, i, now);
      if (isOver) {
        drop(segment, i);
        return true;
      }
      if (left > most) [least, most] = [i, left];
      // Nothing has used less than one unit.
      if (slots > SMALL_SLOTS && used <= 1 && least === i) break;
    }
    if (least === -1) return false;
    drop(segment, least);
    return true;
  }

  /** Is there room for a key, once what may go has gone? */
  function hasRoom({ low, high, slot }: Spot, now: number): boolean {
    if (room.held < room.most) return true;
    const segment = segmentFor(high);
    // One that was there may have moved.
    return (slot >= 0 && probe(segment, low, high) >= 0) || evict(segment, low, now);
  }

  return {
    load: searchFor,
    save(place, check, step, now) {
      const spot = place as Spot;
      const { name, low, high } = spot;
      const kind = kindOf(name, check);
      let { segment, slot } = spot;
      if (!isStill(spot)) {
        if (!hasRoom(spot, now)) return false;
        segment = segmentWithRoom(high, now);
        slot = probe(segment, low, high);
        if (slot < 0) {
          slot = ~slot;
          segment.prints[2 * wide * slot] = low;
          segment.prints[2 * wide * slot + 1] = high;
          segment.kinds[slot] = kind.number;
          segment.filled++;
          room.held++;
        }
      }
      if (name.isMixed) segment.kinds[slot] = kind.number;
      write(segment, slot, step.state as readonly number[]);
      return true;
    },
    makeRoom: (place, now) => hasRoom(place as Spot, now),
    forget(key) {
      const { segment, slot } = searchKey(key);
      if (slot >= 0) drop(segment, slot);
    },
  };
}
