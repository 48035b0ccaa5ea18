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

import type { Algorithm, Policy, Step } from "../algorithms/algorithm.ts";
import { keyedHash, randomSeed, type Seed } from "../keyed_hash.ts";
import { LOOKS, type Room, type Shelf } from "./shelf.ts";
import type { Check } from "./store.ts";

/** Keys a segment holds when the store is full: few enough that making one anew takes a fraction of a ms. */
const SEGMENT_KEYS = 4096;
/** The slots of such a segment, and of one that has just begun. */
const FULL_SLOTS = 4720;
const FIRST_SLOTS = 18;
/** The part of a segment's slots that may be filled before it is made anew. */
const MOST_FILLED = 8 / 9;
/** Segments of this size are searched whole for an entry that may go. */
const SMALL_SLOTS = 1024;
/** Names whose hashes are kept: as many as rules, but for those who ask the store themselves. */
const MOST_NAMES = 1000;
/** The most kinds that 16 bits tell apart from none. */
const MOST_KINDS = 0xffff;

/** What an entry is read by. */
interface Kind {
  readonly algorithm: Algorithm;
  readonly policy: Policy;
}

/** A part of the table that grows by itself, so that no request pays for growing the whole. */
interface Segment {
  readonly slots: number;
  /** Slots that were ever filled since the segment was made; a search ends at one that was not. */
  filled: number;
  /** Low and high half of each slot's fingerprint; both 0: never filled. Signed, as engines box greater integers. */
  readonly prints: Int32Array;
  /** Each entry's kind, from 1; 0: the entry has gone, but searches go on past its slot. */
  readonly kinds: Uint16Array;
  /** Each entry's state, `width` numbers. */
  readonly states: Float64Array;
}

/** The two halves of a hash. */
interface Hash {
  readonly low: number;
  readonly high: number;
}

/** An integer from 0 to n - 1 out of 32 random bits. */
function scale(bits: number, n: number): number {
  return Math.floor((bits >>> 0) / 0x1_0000_0000 * n);
}

/** The size after this one: half as large again, but the size of a full segment rather than one near it. */
function nextSlots(slots: number): number {
  const next = Math.ceil(slots * 1.5);
  if (slots < FULL_SLOTS && next > FULL_SLOTS * 0.8) return FULL_SLOTS;
  return slots < FULL_SLOTS ? next : Math.ceil(slots * 1.125);
}

/**
 * @param width How many numbers each state has.
 * @param room Shared with the other shelves of the store.
 * @returns An empty table.
 */
export function fingerprintTable(width: number, room: Room): Shelf {
  const segments: (Segment | undefined)[] = new Array(Math.ceil(room.most / SEGMENT_KEYS));
  const kinds: Kind[] = [];
  const kindOfPolicy = new WeakMap<Policy, number>();
  const kindOfRate = new Map<string, number>();
  const hashesOfNames = new Map<string, Hash>();
  const print = new Int32Array(2);
  /** What `print` is the hash of: a request's rules share their partition most often. */
  let printed: string | null = null;
  // Seeds of their own, so that a partition that is called like a rule is nothing special.
  let seed: Seed | null = null;
  let seedOfNames: Seed | null = null;
  /** Segments in use: one, small enough for a processor to keep at hand, and once that is full all of them. */
  let spread = 1;

  // The latest search: for which check, the segment of its key, its slot there or -1, and the first slot on the way that it could take.
  let searched: Check | null = null;
  let low = 0;
  let high = 0;
  let segment = segmentOf(FIRST_SLOTS);
  let slot = -1;
  let free = -1;

  function segmentOf(slots: number): Segment {
    return {
      slots,
      filled: 0,
      prints: new Int32Array(2 * slots),
      kinds: new Uint16Array(slots),
      states: new Float64Array(width * slots),
    };
  }

  function hash(partition: string): void {
    if (partition === printed) return;
    keyedHash(partition, seed ??= randomSeed(), print);
    printed = partition;
  }

  function hashOfName(name: string): Hash {
    const halves = new Int32Array(2);
    keyedHash(name, seedOfNames ??= randomSeed(), halves);
    if (hashesOfNames.size >= MOST_NAMES) hashesOfNames.clear();
    const hashed = { low: halves[0], high: halves[1] };
    hashesOfNames.set(name, hashed);
    return hashed;
  }

  /** Goes to a key: the hashes of its rule's name, of which there are few, and of its partition in one. */
  function search(name: string, partition: string): void {
    const ofName = hashesOfNames.get(name) ?? hashOfName(name);
    hash(partition);
    low = print[0] ^ ofName.low;
    high = print[1] ^ ofName.high;
    if (low === 0 && high === 0) low = 1; // Both 0 is a slot that was never filled.
    enter();
  }

  function searchKey(key: string): void {
    const colon = key.indexOf(":");
    // No name holds a colon.
    if (colon === -1) search(":", key);
    else search(key.slice(0, colon), key.slice(colon + 1));
  }

  function searchFor(check: Check): void {
    searched = check;
    if (check.partition === undefined) searchKey(check.key);
    else search(check.policy.name, check.partition);
  }

  /** Goes to the segment of the fingerprint at hand. */
  function enter(): void {
    const index = scale(high, spread);
    segment = segments[index] ??= segmentOf(FIRST_SLOTS);
    walk();
  }

  /** Searches again, unless that was the latest search. */
  function searchAgain(check: Check): void {
    if (check !== searched) searchFor(check);
  }

  /** Linear probing, from the slot that the low half gives. */
  function walk(): void {
    const { prints, kinds, slots } = segment;
    slot = -1;
    free = -1;
    for (let i = scale(low, slots);; i = i + 1 === slots ? 0 : i + 1) {
      const there = prints[2 * i];
      if (there === low && prints[2 * i + 1] === high) {
        slot = i;
        return;
      }
      const never = there === 0 && prints[2 * i + 1] === 0;
      if (free === -1 && (never || kinds[i] === 0)) free = i;
      if (never) return;
    }
  }

  function read(i: number): readonly number[] {
    const { states } = segment;
    const state = [states[width * i], states[width * i + 1]];
    for (let n = 2; n < width; n++) state.push(states[width * i + n]);
    return state;
  }

  function write(i: number, check: Check, step: Step): void {
    const state = step.state as readonly number[];
    const { states, kinds: kindsThere } = segment;
    for (let n = 0; n < width; n++) states[width * i + n] = state[n];
    const there = kindsThere[i];
    if (there === 0 || kinds[there - 1].policy !== check.policy) kindsThere[i] = kindOf(check);
  }

  function kindOf({ algorithm, policy }: Check): number {
    let kind = kindOfPolicy.get(policy);
    if (kind !== undefined) return kind;
    // A rate from a function has its policy made anew for each request. Past the last number, rates share that one.
    const rate = `${policy.name} ${policy.limit} ${policy.windowMs}`;
    kind = kindOfRate.get(rate) ?? Math.min(kinds.length + 1, MOST_KINDS);
    if (kind > kinds.length) {
      kinds.push({ algorithm, policy });
      kindOfRate.set(rate, kind);
    }
    kindOfPolicy.set(policy, kind);
    return kind;
  }

  /** What an entry means now: what a request that costs nothing would be told. */
  function look(
    i: number,
    now: number,
  ): { readonly isOver: boolean; readonly left: number; readonly used: number } {
    const { algorithm, policy } = kinds[segment.kinds[i] - 1];
    const { ttlMs, remaining } = algorithm.step(read(i), policy, now, 0, null);
    const used = policy.limit - remaining;
    return { isOver: ttlMs <= 0, left: remaining / Math.max(1, policy.limit), used };
  }

  function drop(i: number): void {
    segment.kinds[i] = 0;
    room.held--;
  }

  /** Gives the fingerprint at hand, which has none, a slot. */
  function settle(now: number): void {
    if (segment.filled + 1 > segment.slots * MOST_FILLED) renew(now);
    slot = free;
    const { prints } = segment;
    if (prints[2 * slot] === 0 && prints[2 * slot + 1] === 0) segment.filled++;
    prints[2 * slot] = low;
    prints[2 * slot + 1] = high;
  }

  /**
   * Makes the segment of the latest search anew, without what is over, and larger where that is not enough. The first
   * one's entries go to segments of their own when it can grow no more.
   */
  function renew(now: number): void {
    const old = segment;
    let kept = 0;
    for (let i = 0; i < old.slots; i++) {
      if (old.kinds[i] === 0) continue;
      if (look(i, now).isOver) drop(i);
      else kept++;
    }
    const index = scale(high, spread);
    const isCrowded = kept > old.slots * 0.6;
    if (isCrowded && old.slots >= FULL_SLOTS && spread < segments.length) {
      spread = segments.length;
      segments[index] = undefined;
    } else {
      segments[index] = segmentOf(isCrowded ? nextSlots(old.slots) : old.slots);
    }
    const wanted = [low, high];
    for (let i = 0; i < old.slots; i++) {
      if (old.kinds[i] === 0) continue;
      low = old.prints[2 * i];
      high = old.prints[2 * i + 1];
      enter();
      settle(now);
      segment.kinds[slot] = old.kinds[i];
      for (let n = 0; n < width; n++) segment.states[width * slot + n] = old.states[width * i + n];
    }
    [low, high] = wanted;
    enter();
  }

  /** Frees one place among the entries around the latest search's, if one may go. */
  function evict(now: number): boolean {
    const { slots } = segment;
    let least = -1;
    let most = 0;
    let i = scale(low, slots);
    for (
      let looked = slots <= SMALL_SLOTS ? slots : LOOKS;
      looked > 0;
      looked--, i = i + 1 === slots ? 0 : i + 1
    ) {
      if (segment.kinds[i] === 0) continue;
      const { isOver, left, used } = look(i, now);
      if (isOver) {
        drop(i);
        return true;
      }
      if (left > most) [least, most] = [i, left];
      // Nothing has used less than one unit.
      if (slots > SMALL_SLOTS && used <= 1 && least === i) break;
    }
    if (least === -1) return false;
    drop(least);
    return true;
  }

  const has = (): boolean => slot !== -1 && segment.kinds[slot] !== 0;

  return {
    load(check) {
      searchFor(check);
      return has() ? read(slot) : null;
    },
    save(check, step, now) {
      searchAgain(check);
      if (has()) {
        write(slot, check, step);
        return true;
      }
      if (room.held >= room.most && !evict(now)) return false;
      if (slot === -1) settle(now);
      write(slot, check, step);
      room.held++;
      return true;
    },
    makeRoom(check, now) {
      searchAgain(check);
      return has() || room.held < room.most || evict(now);
    },
    forget(key) {
      searched = null;
      searchKey(key);
      if (has()) drop(slot);
    },
  };
}
