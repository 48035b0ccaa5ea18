/**
 * A shelf for states of any kind: a Map.
 *
 * @module
 */

import { formOf } from "../algorithms/state.ts";
import { writeStep } from "./packing.ts";
import { LOOKS, type Room, type Shelf } from "./shelf.ts";

interface Entry {
  state: unknown;
  /** The form of the state: for an algorithm of another one there is none. */
  form: string;
  /** Epoch ms; from then on the state equals no state. */
  expiresAt: number;
  /** The share of the quota that was left when the key was last stepped, 0 to 1. */
  left: number;
}

/**
 * @param room Shared with the other shelves of the store.
 * @returns An empty shelf.
 */
export function entryMap(room: Room): Shelf {
  const entries = new Map<string, Entry>();
  let cursor = entries.entries();

  /** The next entry of an endless round over all of them. */
  function next(): [string, Entry] | null {
    let step = cursor.next();
    if (step.done) {
      cursor = entries.entries();
      step = cursor.next();
    }
    return step.done ? null : step.value;
  }

  function drop(key: string): void {
    if (entries.delete(key)) room.held--;
  }

  /** Two a new key keep the number of dead entries below that of live ones. */
  function sweep(now: number): void {
    for (let i = 0; i < 2; i++) {
      const found = next();
      if (found !== null && now >= found[1].expiresAt) drop(found[0]);
    }
  }

  function evict(now: number): boolean {
    let least: string | null = null;
    let most = 0;
    for (let i = Math.min(LOOKS, entries.size); i > 0; i--) {
      const found = next();
      if (found === null) break;
      const [key, { expiresAt, left }] = found;
      if (now >= expiresAt) {
        drop(key);
        return true;
      }
      if (left > most) [least, most] = [key, left];
    }
    if (least !== null) drop(least);
    return least !== null;
  }

  return {
    find(place, { key, algorithm }, now) {
      const entry = entries.get(key);
      place.key = key;
      place.hasState = entry !== undefined && now < entry.expiresAt && entry.form === formOf(algorithm);
      place.unpacked = place.hasState ? entry?.state : null;
    },
    step(place, { algorithm, policy, since }, now, cost) {
      const step = algorithm.step(place.unpacked, policy, now, cost, since);
      writeStep(place, step, now);
      place.changed = step.state !== place.unpacked;
      place.kept = step.state;
    },
    save({ kept: state, remaining, ttlMs }, { key, policy: { limit }, algorithm }, now) {
      const form = formOf(algorithm);
      const left = limit > 0 ? remaining / limit : 0;
      const entry = entries.get(key);
      if (entry !== undefined) {
        entry.state = state;
        entry.form = form;
        entry.expiresAt = now + ttlMs;
        entry.left = left;
        return true;
      }
      sweep(now);
      if (room.held >= room.most && !evict(now)) return false;
      entries.set(key, { state, form, expiresAt: now + ttlMs, left });
      room.held++;
      return true;
    },
    makeRoom({ key }, now) {
      return entries.has(key) || room.held < room.most || evict(now);
    },
    take: ({ kept }) => kept,
    give(place, state) {
      place.unpacked = state;
    },
    forget: drop,
  };
}
