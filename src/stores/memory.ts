/**
 * The store of one process.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import type { Decision } from "../decision.ts";
import { entryMap } from "./entry_map.ts";
import { fingerprintTable } from "./fingerprint_table.ts";
import type { Place, Room, Shelf } from "./shelf.ts";
import { type Check, decisionOf, type Store, type StoreChange } from "./store.ts";

/** What {@link memoryStore} takes. */
export interface MemoryStoreOptions {
  /** The most keys it holds, 1 to 16,000,000. Default 1,000,000. */
  maxKeys?: number;
  /** The time, epoch ms. Default `Date.now`. */
  clock?: () => number;
}

/** What the keys of a rule share that found no room of their own. */
interface Overflow {
  readonly state: unknown;
  readonly remaining: number;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Below the 16,777,216 at which V8's Map throws. */
const MOST_KEYS = 16_000_000;

/**
 * Keeps states in this process: synchronous, without timers, bounded. Each process counts for itself, so N
 * processes let N times the limit pass; where that matters take a shared store.
 *
 * When it is full, expired keys go first, then those that have used least of their quota. A key with nothing
 * left is never forgotten while it lives; where there are only such keys, new ones share one entry a rule,
 * which refuses early rather than late, and the store says so to its throttle's observers.
 *
 * @param options See {@link MemoryStoreOptions}.
 * @returns The store.
 * @throws {RangeError} When maxKeys is not an integer in its range.
 *
 * @example A store with a clock of one's own, as a test uses it
 * ```ts
 * import { createThrottle, memoryStore } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * let now = 0;
 * const throttle = createThrottle("1/min", { store: memoryStore({ clock: () => now }), client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * now += 60_000;
 * equal((await throttle.check(request)).allowed, true);
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxKeys = 1_000_000, clock = Date.now } = options;
  if (!(Number.isSafeInteger(maxKeys) && maxKeys >= 1 && maxKeys <= MOST_KEYS)) {
    throw new RangeError(
      `Cannot make memoryStore() as maxKeys must be an integer from 1 to ${MOST_KEYS}: current value is ${maxKeys}`,
    );
  }
  const room: Room = { held: 0, most: maxKeys };
  /** By the width of their states; 0: states of no fixed width. */
  const shelves: (Shelf | undefined)[] = [];
  /** One state a rule, for keys that found no room. */
  const overflow = new Map<string, Overflow>();
  const listeners: ((change: StoreChange) => void)[] = [];
  let isFull = false;

  function shelfOf({ algorithm: { width = 0 } }: Check): Shelf {
    return shelves[width] ??= width === 0 ? entryMap(room) : fingerprintTable(width, room);
  }

  /** Is there room for a check's key at its place, once what may go has gone: of its own shelf, else of another? */
  function makeRoom(place: Place, check: Check, now: number): boolean {
    if (shelfOf(check).makeRoom(place, now)) return true;
    for (const shelf of shelves) if (shelf?.makeRoom(shelf.load(check, now), now)) return true;
    return false;
  }

  function tellFull(full: boolean): void {
    if (full === isFull) return;
    isFull = full;
    const error = new Error(
      `memoryStore() holds ${maxKeys} keys with nothing left: new keys share one quota a rule`,
    );
    for (const tell of listeners) tell(full ? { state: "failing", error } : { state: "healed" });
  }

  /** The place of a check's key, with the state that it starts from: its own or, where there is no room for it, its rule's overflow. */
  function load(check: Check, now: number, spend: boolean): Place {
    const place = shelfOf(check).load(check, now);
    if (place.state === null) place.state = shared(place, check, now, spend);
    return place;
  }

  /** What a key that has no state shares with others, if it must. */
  function shared(place: Place, check: Check, now: number, spend: boolean): unknown {
    if (room.held < maxKeys) {
      tellFull(false);
      return null;
    }
    if (spend) tellFull(!makeRoom(place, check, now));
    const found = isFull ? overflow.get(check.policy.name) : undefined;
    return found !== undefined && now < found.expiresAt ? found.state : null;
  }

  function save(place: Place, check: Check, step: Step, now: number): void {
    const shelf = shelfOf(check);
    if (shelf.save(place, check, step, now)) return;
    if (makeRoom(place, check, now) && shelf.save(place, check, step, now)) return;
    tellFull(true);
    const { name } = check.policy;
    const { state, remaining } = step;
    const found = overflow.get(name);
    const isFuller = found !== undefined && now < found.expiresAt && found.remaining < remaining;
    if (!isFuller) overflow.set(name, { state, remaining, expiresAt: now + step.ttlMs });
  }

  return {
    shared: false,
    clock,
    decide(checks, spend = true): readonly Decision[] {
      const now = clock();
      const decisions = new Array<Decision>(checks.length);
      const places = new Array<Place>(checks.length);
      const steps = new Array<Step>(checks.length);
      let pass = true;
      for (let i = 0; i < checks.length; i++) {
        const check = checks[i];
        const place = places[i] = load(check, now, spend);
        const step = steps[i] = check.algorithm.step(place.state, check.policy, now, check.cost, check.since);
        decisions[i] = decisionOf(check, step, now);
        if (!step.allowed && check.policy.mode === "enforce") pass = false;
      }
      for (let i = 0; i < checks.length; i++) {
        const check = checks[i];
        const step = steps[i];
        if (spend && (pass || !step.allowed)) {
          if (step.state !== places[i].state) save(places[i], check, step, now);
        } else if (step.allowed) {
          // Nothing was charged: show what is left without this request.
          const without = check.algorithm.step(places[i].state, check.policy, now, 0, null);
          decisions[i].remaining = without.remaining;
          decisions[i].resetAfterMs = without.resetAfterMs;
        }
      }
      return decisions;
    },
    observe(listener) {
      listeners.push(listener);
    },
    forget(key) {
      for (const shelf of shelves) shelf?.forget(key);
    },
  };
}
