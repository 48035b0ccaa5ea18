/**
 * A shelf for states of any kind: a Map.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import { LOOKS, type Place, type Room, type Shelf } from "./shelf.ts";
import type { Check } from "./store.ts";

interface Spot extends Place {
  readonly key: string;
}

interface Entry {
  state: unknown;
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
    load({ key }, now): Spot {
      const entry = entries.get(key);
      return { key, state: entry !== undefined && now < entry.expiresAt ? entry.state : null };
    },
    save(_place, { key, policy: { limit } }: Check, { state, remaining, ttlMs }: Step, now) {
      const left = limit > 0 ? remaining / limit : 0;
      const entry = entries.get(key);
      if (entry !== undefined) {
        entry.state = state;
        entry.expiresAt = now + ttlMs;
        entry.left = left;
        return true;
      }
      sweep(now);
      if (room.held >= room.most && !evict(now)) return false;
      entries.set(key, { state, expiresAt: now + ttlMs, left });
      room.held++;
      return true;
    },
    makeRoom(place, now) {
      return entries.has((place as Spot).key) || room.held < room.most || evict(now);
    },
    forget: drop,
  };
}
