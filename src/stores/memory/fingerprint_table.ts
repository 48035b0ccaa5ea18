/**
 * An open hash table in typed arrays. It keeps a 64-bit fingerprint of each
 * key instead of the key, so an entry of two numbers takes 27 bytes (about 31 with the table's slack), no key is kept
 * readable, and the garbage collector has nothing to walk.
 *
 * Two keys with one fingerprint would share a quota. With n keys held, a new key meets one of them with a
 * probability of n / 2^64 (1 in 18 million million for a million keys); the hashes of names and of partitions are
 * keyed with secret seeds, so nobody can search for such keys.
 *
 * @module
 */

import { keyedHash, randomSeed, type Seed } from "../../hash/half_sip_hash.ts";
import type { Form } from "./form.ts";
import { Cursor } from "./cursor.ts";
import {
  add,
  EMPTY,
  empty,
  highAt,
  levelOf,
  lowAt,
  move,
  noteEnd,
  probe,
  scale,
  type Segment,
  segmentOf,
  takeOut,
  turn,
} from "./segment.ts";
import { ruleNames } from "./rule_names.ts";
import type { Capacity, Table } from "./table.ts";
import type { SplitCheck } from "../store.ts";
import { share, writeVerdict } from "../../decision.ts";

/** Keys a segment holds when the store is full: few enough that making one anew takes a ms. */
const SEGMENT_KEYS = 8192;
/** The slots of such a segment, and of one that has just begun. */
const FULL_SLOTS = 9280;
const FIRST_SLOTS = 18;
/** The part of a segment's slots that may be filled before it is renewed. */
const MAX_FILLED = 0.9;
/** The slots that are searched for the entry that has most left: a byte each. Smaller segments are searched whole. */
const SEARCHED = 128;
/** How many entries of a larger segment are looked at for those that are over: a bound on the time of a request. */
const LOOKS = 8;
/** Segments of at most this size are looked through whole: that of a store with a hundred keys is. */
const SMALL_SLOTS = 160;
/** The number of tries, as the entry that a search found may have nothing left after all. */
const TRIES = 3;

/** The size after this one: half as large again, but the size of a full segment rather than one near it. */
function nextSlots(slots: number): number {
  const next = Math.ceil(slots * 1.5);
  if (slots < FULL_SLOTS && next > FULL_SLOTS * 0.8) return FULL_SLOTS;
  return slots < FULL_SLOTS ? next : Math.ceil(slots * 1.125);
}

/** A check, as its key is found. */
type Sought = Pick<SplitCheck, "key" | "stateName" | "partition">;

/** The share of a quota that is left in a state past its time. */
const OVER = -1;

/**
 * @param form The form of its states.
 * @param capacity Shared with the other tables of the store.
 * @returns An empty table.
 */
export function fingerprintTable(form: Form, capacity: Capacity): Table {
  /** Parts that grow by themselves, so that no request pays for growing the whole. */
  const segments: (Segment | undefined)[] = new Array(Math.ceil(capacity.most / SEGMENT_KEYS));
  const names = ruleNames();
  const print = new Int32Array(2);
  /** The text whose hash `print` is: a request's rules mostly share their partition. */
  let printed: string | null = null;
  let seed: Seed | null = null;
  /** For looks at entries. */
  const looked = new Cursor();
  /** Segments in use: one, small enough for a processor to keep at hand, and once that is full all of them. */
  let spread = 1;

  /** Goes to a key: the hash of its partition, combined with that of the name of its rule's states, which is kept. */
  function seek(cursor: Cursor, check: Sought): void {
    let { stateName: text, partition: rest } = check;
    if (text === undefined || rest === undefined) {
      const { key } = check;
      const colon = key.indexOf(":");
      // No name holds a colon.
      text = colon === -1 ? ":" : key.slice(0, colon);
      rest = key.slice(colon + 1);
    }
    const name = cursor.name = names.nameOf(text);
    if (rest !== printed) {
      keyedHash(rest, seed ??= randomSeed(), print);
      printed = rest;
    }
    const low = cursor.low = print[0] ^ name.low || 1;
    const high = cursor.high = print[1] ^ name.high;
    const segment = cursor.segment = segmentFor(high);
    cursor.slot = probe(segment, low, high);
  }

  function segmentFor(high: number): Segment {
    return segments[scale(high, spread)] ??= segmentOf(FIRST_SLOTS, form.width, form.hasObjects);
  }

  /** Looks at an entry by now: the share of its quota that is left, or {@link OVER}. */
  function look(segment: Segment, slot: number, now: number): number {
    let left = form.look?.(looked, segment, slot, now);
    if (left === undefined) {
      const kind = names.kinds[segment.kinds[slot]];
      form.read(looked, segment, slot, now);
      form.step(looked, kind, now, 0);
      left = share({ limit: kind.policy.limit, remaining: looked.remaining });
    }
    return looked.ttlMs <= 0 ? OVER : left;
  }

  function drop(segment: Segment, slot: number, clear = takeOut): void {
    form.free(segment, slot);
    clear(segment, slot);
    capacity.held--;
  }

  /**
   * The segment for a fingerprint that needs a slot. One that is full loses what is over. Where that is not enough, a larger one
   * gets its entries; those of the first one go to segments of their own when it can grow no more.
   */
  function segmentWithRoom(high: number, now: number): Segment {
    const segment = segmentFor(high);
    const { slots } = segment;
    if (segment.filled + 1 <= slots * MAX_FILLED) return segment;
    let before = 0;
    for (let i = 0; i < slots; i++) {
      if (lowAt(segment, i) === EMPTY) before = i;
      else if (look(segment, i, now) === OVER) drop(segment, i, empty);
    }
    if (segment.filled > slots * 0.6) {
      if (slots >= FULL_SLOTS && spread < segments.length) {
        spread = segments.length;
        segments[0] = undefined;
      } else segments[scale(high, spread)] = segmentOf(nextSlots(slots), form.width, form.hasObjects);
    }
    // From an empty slot on, an entry that moves up leaves none behind that is looked for beyond it.
    for (let i = 1; i < slots; i++) {
      const slot = (before + i) % slots;
      const low = lowAt(segment, slot);
      if (low === EMPTY) continue;
      const half = highAt(segment, slot);
      const next = segmentWithRoom(half, now);
      const to = probe(next, low, half);
      if (to < 0) move(segment, slot, next, ~to);
    }
    return segmentFor(high);
  }

  /** Drops what is over: of a small segment all, of another what is over among the next entries, so that all have their turn. */
  function sweep(segment: Segment, now: number): boolean {
    if (now < segment.soonest) return false;
    const { slots, levels } = segment;
    const most = slots <= SMALL_SLOTS ? slots : LOOKS;
    const before = segment.filled;
    for (let i = 0; i < most && segment.filled > 0; i++) {
      while (lowAt(segment, segment.hand) === EMPTY) turn(segment);
      const slot = segment.hand;
      const left = look(segment, slot, now);
      if (left === OVER) {
        // Another may move up.
        drop(segment, slot);
      } else {
        levels[slot] = levelOf(left);
        segment.next = Math.min(segment.next, now + looked.ttlMs);
        turn(segment);
      }
    }
    return segment.filled < before;
  }

  /** The slot with the highest level around a fingerprint's. */
  function leastUsed({ levels, slots }: Segment, low: number): number {
    let i = scale(low, slots);
    let least = i;
    for (let left = Math.min(slots, SEARCHED); left > 0; left--) {
      if (levels[i] > levels[least]) least = i;
      i = i + 1 === slots ? 0 : i + 1;
    }
    return least;
  }

  /** Frees a slot among those around a fingerprint's, if its entry may go. */
  function evict(segment: Segment, low: number, now: number): boolean {
    if (sweep(segment, now)) return true;
    for (let tries = TRIES; tries > 0; tries--) {
      const slot = leastUsed(segment, low);
      if (segment.levels[slot] === 0) return false;
      if (look(segment, slot, now) !== 0) {
        drop(segment, slot);
        return true;
      }
      segment.levels[slot] = 0;
    }
    return false;
  }

  /** Makes room for a key. Is there room then? */
  function hasRoom({ low, high, slot }: Cursor, now: number): boolean {
    if (capacity.held < capacity.most) return true;
    const segment = segmentFor(high);
    // One that was there may have moved.
    return (slot >= 0 && probe(segment, low, high) >= 0) || evict(segment, low, now);
  }

  return {
    seek,
    charge(cursor, check, now, cost, verdict) {
      const { policy } = check;
      if (check.since !== null) return false;
      if (cursor.name === null || check.partition === undefined) seek(cursor, check);
      else if (check.partition !== printed) keyedHash(printed = check.partition, seed!, print);
      const name = cursor.name!;
      const low = print[0] ^ name.low || 1; // never EMPTY
      const high = print[1] ^ name.high;
      // `scale`, written out as in `probe`.
      const segment = segments[((high >>> 14) * spread) >>> 18] ?? segmentFor(high);
      const slot = probe(segment, low, high);
      // By this policy the entry is kept already, so neither its end nor its kind changes.
      if (slot < 0 || name.isMixed || name.kind?.policy !== policy) return false;
      const { states, levels, wide } = segment;
      const at = wide * slot + 1;
      const start = states[at];
      const leftMs = start + policy.windowMs - now;
      const used = states[at + 1] + cost;
      const remaining = policy.limit - used;
      if (leftMs <= 0 || leftMs > policy.windowMs || remaining < 0) return false;
      states[at + 1] = used;
      levels[slot] = levelOf(remaining / policy.limit);
      const numbers = { allowed: true, remaining, resetAfterMs: used && leftMs, retryAfterMs: 0 };
      writeVerdict(verdict, numbers, "store", now, start);
      return true;
    },
    read(cursor, now) {
      cursor.hasState = false;
      if (cursor.slot >= 0) form.read(cursor, cursor.segment!, cursor.slot, now);
    },
    step: form.step,
    save(cursor, check, now) {
      const { low, high } = cursor;
      const name = cursor.name!;
      const kind = names.kindOf(name, check);
      let segment = cursor.segment!;
      let { slot } = cursor;
      // Entries may have moved; where they went to another segment, nothing was left behind.
      const at = 2 * segment.wide * slot;
      const isStill = slot >= 0 && segment.prints[at] === low && segment.prints[at + 1] === high;
      if (!isStill) {
        if (!hasRoom(cursor, now)) return false;
        segment = segmentWithRoom(high, now);
        slot = probe(segment, low, high);
        if (slot < 0) {
          slot = ~slot;
          add(segment, slot, low, high, kind.number);
          capacity.held++;
        }
      }
      if (name.isMixed) segment.kinds[slot] = kind.number;
      segment.levels[slot] = levelOf(cursor.remaining / check.policy.limit);
      noteEnd(segment, now + cursor.ttlMs);
      form.write(cursor, segment, slot, now);
      return true;
    },
    makeRoom: hasRoom,
    take: form.take,
    give: form.give,
    forget(key) {
      const cursor = new Cursor();
      seek(cursor, { key });
      if (cursor.slot >= 0) drop(cursor.segment!, cursor.slot);
    },
  };
}
