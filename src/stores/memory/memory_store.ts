/**
 * The store of one process.
 *
 * @module
 */

import { formOf } from "../../algorithms/state.ts";
import { type Verdict, writeVerdict } from "../../decision.ts";
import { fingerprintTable } from "./fingerprint_table.ts";
import { logForm, stepOverLog } from "./log_form.ts";
import { objectForm } from "./object_form.ts";
import { packedForm } from "./packed_form.ts";
import { Cursor } from "./cursor.ts";
import type { Capacity, Table } from "./table.ts";
import { type AnsweringStore, type Asked, decisionOf, type Store, type StoreChange } from "../store.ts";
import { cannot } from "../../cannot.ts";

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
export function isMemoryStore(store: Store): store is AnsweringStore {
  return memoryStores.has(store);
}

/** Whose overflow a check's key shares: its rule's, and no other algorithm's. */
function sharerOf({ stateName, policy, algorithm }: Asked): string {
  return stateName ?? `${policy.name}/${formOf(algorithm)}`;
}

/** Where the shelves of states without a width are. */
const ANYTHING = 0;
const LOGS = 1;

/** What a decision says before it is made. */
const UNDECIDED = /* @__PURE__ */ new Cursor();

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
      cannot("make memoryStore()", `maxKeys must be an integer from 1 to ${MOST_KEYS}`, maxKeys),
    );
  }
  const room: Capacity = { held: 0, most: maxKeys };
  /** By the form of their states, and the width; those of no fixed width are logs, or anything. */
  const shelves = new Map<string, (Table | undefined)[]>();
  /** One for each check of a decision. */
  const places: Cursor[] = [];
  /** One state a rule, for keys that found no room. */
  const overflow = new Map<string, Overflow>();
  const listeners: ((change: StoreChange) => void)[] = [];
  let isFull = false;

  function shelfOf({ algorithm }: Asked): Table {
    const { stateSize: width = stepOverLog(algorithm) === undefined ? ANYTHING : LOGS } = algorithm;
    const form = formOf(algorithm);
    let alike = shelves.get(form);
    if (alike === undefined) shelves.set(form, alike = []);
    return alike[width] ??= fingerprintTable(
      width === ANYTHING ? objectForm() : width === LOGS ? logForm() : packedForm(width),
      room,
    );
  }

  /** All that there are. */
  function* allShelves(): Generator<Table> {
    for (const alike of shelves.values()) {
      for (const shelf of alike) if (shelf !== undefined) yield shelf;
    }
  }

  /** Is there room for a check's key at its place, once what may go has gone: of its own shelf, else of another? */
  function makeRoom(place: Cursor, check: Asked, now: number): boolean {
    if (place.shelf!.makeRoom(place, now)) return true;
    const other = new Cursor();
    for (const shelf of allShelves()) {
      shelf.find(other, check, now);
      if (shelf.makeRoom(other, now)) return true;
    }
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

  /** Goes to the state that a check starts from: its key's or, where there is no room for that key, its rule's overflow. */
  function find(place: Cursor, check: Asked, now: number, spend: boolean): void {
    const shelf = place.shelf = shelfOf(check);
    shelf.find(place, check, now);
    if (place.hasState) return;
    const shared = sharedBy(place, check, now, spend);
    if (shared === null) return;
    place.hasState = true;
    shelf.give(place, shared.state);
  }

  /** What a key that has no state shares with others, if it must. */
  function sharedBy(place: Cursor, check: Asked, now: number, spend: boolean): Overflow | null {
    if (room.held < maxKeys) {
      tellFull(false);
      return null;
    }
    if (spend) tellFull(!makeRoom(place, check, now));
    const found = isFull ? overflow.get(sharerOf(check)) : undefined;
    return found !== undefined && now < found.expiresAt ? found : null;
  }

  function save(place: Cursor, check: Asked, now: number): void {
    const shelf = place.shelf!;
    if (shelf.save(place, check, now)) return;
    if (makeRoom(place, check, now) && shelf.save(place, check, now)) return;
    tellFull(true);
    const name = sharerOf(check);
    const { remaining, ttlMs } = place;
    const found = overflow.get(name);
    const isFuller = found !== undefined && now < found.expiresAt && found.remaining < remaining;
    if (!isFuller) overflow.set(name, { state: shelf.take(place), remaining, expiresAt: now + ttlMs });
  }

  /** Decides checks, and writes the verdict on each into the object at its place. */
  function decide(checks: readonly Asked[], verdicts: readonly Verdict[], spend: boolean): void {
    const now = clock();
    let pass = true;
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const place = places[i] ??= new Cursor();
      find(place, check, now, spend);
      place.shelf!.step(place, check, now, check.cost);
      writeVerdict(verdicts[i], place, "store", now, place.at);
      if (!place.allowed && check.policy.mode === "enforce") pass = false;
    }
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const place = places[i];
      if (spend && (pass || !place.allowed)) {
        if (place.changed) save(place, check, now);
      } else if (place.allowed) {
        // Nothing was charged: show what is left without this request.
        place.shelf!.step(place, check, now, 0);
        verdicts[i].remaining = place.remaining;
        verdicts[i].resetAfterMs = place.resetAfterMs;
      }
    }
  }

  const store: AnsweringStore = {
    shared: false,
    clock,
    decide(checks, spend = true) {
      const decisions = checks.map((check) => decisionOf(check, UNDECIDED, 0));
      decide(checks, decisions as Verdict[], spend);
      return decisions;
    },
    answer: (questions, spend) => decide(questions, questions, spend),
    observe(listener) {
      listeners.push(listener);
    },
    forget(key) {
      for (const shelf of allShelves()) shelf.forget(key);
    },
  };
  memoryStores.add(store);
  return store;
}
