/**
 * The store of one process.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import type { DatedDecision } from "../decision.ts";
import { entryMap } from "./entry_map.ts";
import { fingerprintTable } from "./fingerprint_table.ts";
import type { Room, Shelf } from "./shelf.ts";
import { type Check, type DatedStore, decisionOf, type Store, type StoreChange } from "./store.ts";

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

/** Those that are asked as they are: without I/O they neither fail nor keep anybody waiting. */
const memoryStores = new WeakSet<Store>();

/** Is this a {@link memoryStore}? */
export function isMemoryStore(store: Store): store is DatedStore {
  return memoryStores.has(store);
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

  /** Is there room for a check's key, once what may go has gone: of its own shelf, else of another? */
  function makeRoom(check: Check, now: number): boolean {
    if (shelfOf(check).makeRoom(check, now)) return true;
    for (const shelf of shelves) if (shelf?.makeRoom(check, now)) return true;
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

  /** The state that a check starts from: its key's, or, where there is no room for that key, its rule's overflow. */
  function load(check: Check, now: number, spend: boolean): unknown {
    const shelf = shelfOf(check);
    const state = shelf.load(check, now);
    if (state !== null) return state;
    if (room.held < maxKeys) {
      tellFull(false);
      return null;
    }
    if (spend) tellFull(!makeRoom(check, now));
    const shared = isFull ? overflow.get(check.policy.name) : undefined;
    return shared !== undefined && now < shared.expiresAt ? shared.state : null;
  }

  function save(check: Check, step: Step, now: number): void {
    const shelf = shelfOf(check);
    if (shelf.save(check, step, now)) return;
    if (makeRoom(check, now) && shelf.save(check, step, now)) return;
    tellFull(true);
    const { name } = check.policy;
    const { state, remaining } = step;
    const shared = overflow.get(name);
    const isFuller = shared !== undefined && now < shared.expiresAt && shared.remaining < remaining;
    if (!isFuller) overflow.set(name, { state, remaining, expiresAt: now + step.ttlMs });
  }

  const store: DatedStore = {
    shared: false,
    clock,
    decide(checks, spend = true): readonly DatedDecision[] {
      const now = clock();
      const decisions = new Array<DatedDecision>(checks.length);
      const states = new Array<unknown>(checks.length);
      const steps = new Array<Step>(checks.length);
      let pass = true;
      for (let i = 0; i < checks.length; i++) {
        const check = checks[i];
        const state = states[i] = load(check, now, spend);
        const step = steps[i] = check.algorithm.step(state, check.policy, now, check.cost, check.since);
        decisions[i] = decisionOf(check, step, now);
        if (!step.allowed && check.policy.mode === "enforce") pass = false;
      }
      for (let i = 0; i < checks.length; i++) {
        const check = checks[i];
        const step = steps[i];
        if (spend && (pass || !step.allowed)) {
          if (step.state !== states[i]) save(check, step, now);
        } else if (step.allowed) {
          // Nothing was charged: show what is left without this request.
          const without = check.algorithm.step(states[i], check.policy, now, 0, null);
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
  memoryStores.add(store);
  return store;
}
