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
import { FUNCTION, integer, requireOptions } from "../../options.ts";

/** What {@link memoryStore} takes. */
export interface MemoryStoreOptions {
  /** The most keys it holds, 1 to 16,000,000. Default 1,000,000. */
  maxKeys?: number;
  /** The time, epoch ms; fractions are cut off. What is no finite number is refused when a request is decided. Default `Date.now`. */
  clock?: () => number;
}

/** A clock in whole ms, as states are whole numbers. Compared with NaN, a charge would be forgotten or never end. */
function inWholeMs(clock: () => number): () => number {
  return () => {
    const read = clock();
    const now = Math.floor(read);
    if (Number.isSafeInteger(now)) return now;
    throw new RangeError(cannot("decide in memoryStore()", "clock must give a finite number of ms", read));
  };
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

/** A cursor, and the table that it is in. */
class TableCursor extends Cursor {
  table: Table | null = null;
}

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
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When maxKeys is not an integer from 1 to 16,000,000.
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
  requireOptions(options, { maxKeys: integer(1, MOST_KEYS), clock: FUNCTION }, "make memoryStore()");
  const { maxKeys = 1_000_000 } = options;
  const clock = options.clock === undefined ? Date.now : inWholeMs(options.clock);
  const capacity: Capacity = { held: 0, most: maxKeys };
  /** By the form of their states, and the width; those of no fixed width are logs, or anything. */
  const tables = new Map<string, (Table | undefined)[]>();
  /** One for each check of a decision. */
  const cursors: TableCursor[] = [];
  /** One state a rule, for keys that found no room. */
  const overflow = new Map<string, Overflow>();
  const listeners: ((change: StoreChange) => void)[] = [];
  let isFull = false;

  function tableOf({ algorithm }: Asked): Table {
    const { stateSize: width = stepOverLog(algorithm) === undefined ? ANYTHING : LOGS } = algorithm;
    const form = formOf(algorithm);
    let alike = tables.get(form);
    if (alike === undefined) tables.set(form, alike = []);
    return alike[width] ??= fingerprintTable(
      width === ANYTHING ? objectForm() : width === LOGS ? logForm() : packedForm(width),
      capacity,
    );
  }

  /** All that there are. */
  function* allTables(): Generator<Table> {
    for (const alike of tables.values()) {
      for (const table of alike) if (table !== undefined) yield table;
    }
  }

  /** Is there room for a check's key at its place, once what may go has gone: of its own table, else of another? */
  function makeRoom(cursor: TableCursor, check: Asked, now: number): boolean {
    if (cursor.table!.makeRoom(cursor, now)) return true;
    const other = new Cursor();
    for (const table of allTables()) {
      table.find(other, check, now);
      if (table.makeRoom(other, now)) return true;
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
  function find(cursor: TableCursor, check: Asked, now: number, spend: boolean): void {
    const table = cursor.table = tableOf(check);
    table.find(cursor, check, now);
    if (cursor.hasState) return;
    const shared = sharedBy(cursor, check, now, spend);
    if (shared === null) return;
    cursor.hasState = true;
    table.give(cursor, shared.state);
  }

  /** What a key that has no state shares with others, if it must. */
  function sharedBy(cursor: TableCursor, check: Asked, now: number, spend: boolean): Overflow | null {
    if (capacity.held < maxKeys) {
      tellFull(false);
      return null;
    }
    if (spend) tellFull(!makeRoom(cursor, check, now));
    const found = isFull ? overflow.get(sharerOf(check)) : undefined;
    return found !== undefined && now < found.expiresAt ? found : null;
  }

  function save(cursor: TableCursor, check: Asked, now: number): void {
    const table = cursor.table!;
    if (table.save(cursor, check, now)) return;
    if (makeRoom(cursor, check, now) && table.save(cursor, check, now)) return;
    tellFull(true);
    const name = sharerOf(check);
    const { remaining, ttlMs } = cursor;
    const found = overflow.get(name);
    const isFuller = found !== undefined && now < found.expiresAt && found.remaining < remaining;
    if (!isFuller) overflow.set(name, { state: table.take(cursor), remaining, expiresAt: now + ttlMs });
  }

  /** Decides checks, and writes the verdict on each into the object at its place. */
  function decide(checks: readonly Asked[], verdicts: readonly Verdict[], spend: boolean): void {
    const now = clock();
    let pass = true;
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const cursor = cursors[i] ??= new TableCursor();
      find(cursor, check, now, spend);
      cursor.table!.step(cursor, check, now, check.cost);
      writeVerdict(verdicts[i], cursor, "store", now, cursor.at);
      if (!cursor.allowed && check.policy.mode === "enforce") pass = false;
    }
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const place = cursors[i];
      if (spend && (pass || !place.allowed)) {
        if (place.changed) save(place, check, now);
      } else if (place.allowed) {
        // Nothing was charged: show what is left without this request.
        place.table!.step(place, check, now, 0);
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
      for (const table of allTables()) table.forget(key);
    },
  };
  memoryStores.add(store);
  return store;
}
