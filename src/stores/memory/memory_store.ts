/**
 * The store of one process.
 *
 * @module
 */

import type { Policy } from "../../algorithms/algorithm.ts";
import { windowOf } from "../../algorithms/periods.ts";
import { formOf } from "../../algorithms/state.ts";
import type { LogFormStep } from "../../algorithms/log_form.ts";
import { numberBlocks } from "./number_blocks.ts";
import type { PackableStep } from "../../algorithms/packed.ts";
import { type Verdict, writeVerdict } from "../../decision.ts";
import { fingerprintTable } from "./fingerprint_table.ts";
import { objectForm } from "./object_form.ts";
import { packedForm } from "./packed_form.ts";
import { Cursor } from "./cursor.ts";
import type { Capacity, Table } from "./table.ts";
import { type AnsweringStore, decisionOf, type SplitCheck, type Store, type StoreChange } from "../store.ts";
import { FUNCTION, integer, requireOptions } from "../../options.ts";
import { wholeClock } from "../../whole_clock.ts";

/** The options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** The most keys it holds, 1 to 16,000,000. Default 1,000,000. */
  maxKeys?: number;
  /**
   * The time, epoch ms; fractions are cut off. A time that is no finite number is refused when a request is decided.
   * Default `Date.now`.
   */
  clock?: () => number;
}

/** The one entry that a rule's keys share when the store is full. */
interface Overflow {
  readonly state: unknown;
  readonly remaining: number;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Memory stores need no failure policy: they do no I/O. */
const memoryStores = new WeakSet<Store>();

/** Is this a {@link memoryStore}? */
export function isMemoryStore(store: Store): store is AnsweringStore {
  return memoryStores.has(store);
}

/** The name of the overflow entry that a check's key shares: its rule's, and no other algorithm's. */
function sharerOf({ stateName, policy, algorithm }: SplitCheck): string {
  return stateName ?? `${policy.name}/${formOf(algorithm)}`;
}

/** The indices of the tables whose states have no fixed size. */
const ANYTHING = 0;
const LOGS = 1;

/** A cursor, and the table that it is in. */
class TableCursor extends Cursor {
  table: Table | null = null;
  /** The policy of the rule that it is at; null at a check whose key does not come in halves, as that tells no rule. */
  policy: Policy | null = null;
}

/** The numbers of a decision before it is made. */
const UNDECIDED = /* @__PURE__ */ new Cursor();

/** Below the 16,777,216 at which V8's Map throws. */
const MAX_KEYS = 16_000_000;

/**
 * Keeps states in this process: synchronous, without timers, bounded. Each process counts for itself, so N
 * processes let N times the limit pass; where that matters take a shared store.
 *
 * When it is full, expired keys go first, then keys that have used least of their quota. A key with nothing
 * left is never forgotten while it lives; where there are only such keys, new keys share one entry per rule,
 * which refuses early rather than late, and the throttle's observers hear of it.
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
  requireOptions(options, { maxKeys: integer(1, MAX_KEYS), clock: FUNCTION }, "make memoryStore()");
  const { maxKeys = 1_000_000 } = options;
  // The Date of the moment, as test runners with a time of their own put another one in its place.
  const clock = options.clock ? wholeClock(options.clock, "memoryStore()") : () => Date.now();
  const capacity: Capacity = { held: 0, most: maxKeys };
  /** By the form of their states and its size; states of no fixed size are logs, or anything. Sizes without a table are holes. */
  const tables = new Map<string, Table[]>();
  /** One for each check of a decision. */
  const cursors: TableCursor[] = [];
  /** One state per rule, for keys that found no room. */
  const overflow = new Map<string, Overflow>();
  const listeners = new Set<(change: StoreChange) => void>();
  let isFull = false;

  function tableOf({ algorithm }: SplitCheck): Table {
    const { logForm } = algorithm.step as Partial<LogFormStep>;
    const { stateSize: width = logForm === undefined ? ANYTHING : LOGS } = algorithm;
    const form = formOf(algorithm);
    let alike = tables.get(form);
    if (alike === undefined) tables.set(form, alike = []);
    return alike[width] ??= fingerprintTable(
      width === ANYTHING ? objectForm() : width === LOGS ? logForm!(numberBlocks()) : packedForm(width),
      capacity,
    );
  }

  /** All tables, without the holes. */
  const allTables = (): readonly Table[] => [...tables.values()].flat();

  /** Makes room for a check's key, by dropping entries of its own table, else of another. Is there room then? */
  function makeRoom(cursor: TableCursor, check: SplitCheck, now: number): boolean {
    if (cursor.table!.makeRoom(cursor, now)) return true;
    const other = new Cursor();
    for (const table of allTables()) {
      table.seek(other, check);
      if (table.makeRoom(other, now)) return true;
    }
    return false;
  }

  function notifyFull(full: boolean): void {
    if (full === isFull) return;
    isFull = full;
    const error = new Error(
      `memoryStore() holds ${maxKeys} keys with nothing left: new keys share one quota per rule`,
    );
    for (const listener of listeners) listener(full ? { state: "failing", error } : { state: "healed" });
  }

  /** Lets a key that has no state start from its rule's overflow, if it must. */
  function startShared(cursor: TableCursor, check: SplitCheck, now: number, spend: boolean): void {
    const shared = sharedBy(cursor, check, now, spend);
    if (shared === null) return;
    cursor.hasState = true;
    cursor.table!.give(cursor, shared.state);
  }

  /** The overflow entry of a key that has no state, if it must share one. */
  function sharedBy(cursor: TableCursor, check: SplitCheck, now: number, spend: boolean): Overflow | null {
    if (capacity.held < maxKeys) {
      notifyFull(false);
      return null;
    }
    if (spend) notifyFull(!makeRoom(cursor, check, now));
    const found = isFull ? overflow.get(sharerOf(check)) : undefined;
    return found !== undefined && now < found.expiresAt ? found : null;
  }

  /** Keeps a state for whose key its table had no room. */
  function saveElsewhere(cursor: TableCursor, check: SplitCheck, now: number): void {
    const table = cursor.table!;
    if (makeRoom(cursor, check, now) && table.save(cursor, check, now)) return;
    notifyFull(true);
    const name = sharerOf(check);
    const { remaining, ttlMs } = cursor;
    const found = overflow.get(name);
    const isFuller = found !== undefined && now < found.expiresAt && found.remaining < remaining;
    if (!isFuller) overflow.set(name, { state: table.take(cursor), remaining, expiresAt: now + ttlMs });
  }

  /** Takes a cursor to the rule of a check. */
  function enter(cursor: TableCursor, check: SplitCheck): void {
    const { policy, algorithm, partition } = check;
    cursor.table = tableOf(check);
    cursor.counts = policy.boundaries === undefined &&
      (algorithm.step as Partial<PackableStep>).counts === true;
    // Each table has names of its own.
    cursor.name = null;
    // Last, as a state of a form that is not known throws: the cursor is then at no rule's table.
    cursor.policy = partition === undefined ? null : policy;
  }

  /** Charges checks whose windows are open and have room for them, as most do: all, or none. Are they charged? */
  function chargeAll(checks: readonly SplitCheck[], now: number, verdicts: readonly Verdict[]): boolean {
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const cursor = cursors[i] ??= new TableCursor();
      // The rules of a request mostly come in one order, so a cursor mostly has the same rule as the last time.
      if (cursor.policy !== check.policy || check.partition === undefined) enter(cursor, check);
      if (cursor.counts && cursor.table!.charge(cursor, check, now, check.cost, verdicts[i])) continue;
      while (i-- > 0) cursors[i].table!.charge(cursors[i], checks[i], now, -checks[i].cost, verdicts[i]);
      return false;
    }
    return true;
  }

  /** Decides checks, and writes the verdict on each into the object at its index. */
  function decide<C extends SplitCheck>(
    checks: readonly C[],
    spend: boolean,
    verdicts: readonly Verdict[] = checks as readonly unknown[] as readonly Verdict[],
  ): void {
    const now = clock();
    if (!spend || !chargeAll(checks, now, verdicts)) stepAll(checks, spend, now, verdicts);
  }

  /** The same by the steps of all checks. */
  function stepAll(
    checks: readonly SplitCheck[],
    spend: boolean,
    now: number,
    verdicts: readonly Verdict[],
  ): void {
    // `refuserOf`, in the loop that steps every check in any case.
    let refuser: string | undefined;
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const cursor = cursors[i] ??= new TableCursor();
      if (cursor.policy !== check.policy || check.partition === undefined) enter(cursor, check);
      const table = cursor.table!;
      table.seek(cursor, check);
      table.read(cursor, now);
      if (!cursor.hasState) startShared(cursor, check, now, spend);
      table.step(cursor, check, now, check.cost);
      writeVerdict(verdicts[i], cursor, "store", now, cursor.at);
      if (!cursor.allowed && check.policy.mode === "enforce") {
        refuser = refuser === undefined ? check.policy.name : "";
      }
    }
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      const cursor = cursors[i];
      if (spend && (refuser === undefined || !cursor.allowed || refuser === check.policy.trialOf)) {
        if (cursor.changed && !cursor.table!.save(cursor, check, now)) saveElsewhere(cursor, check, now);
      } else if (cursor.allowed) {
        // Nothing was charged: show what is left without this request.
        cursor.table!.step(cursor, check, now, 0);
        verdicts[i].remaining = cursor.remaining;
        verdicts[i].resetAfterMs = cursor.resetAfterMs;
      }
    }
  }

  const store: AnsweringStore = {
    shared: false,
    clock,
    decide(checks, spend = true) {
      const decisions = checks.map((check) => decisionOf(check, UNDECIDED, 0));
      decide(checks, spend, decisions as Verdict[]);
      // Which of the periods of a calendar it is, is known now.
      decisions.forEach((decision, i) => decision.windowMs = windowOf(checks[i].policy, decision.chargedAt));
      return decisions;
    },
    answer: decide,
    observe(listener) {
      listeners.add(listener);
    },
    forget(key) {
      for (const table of allTables()) table.forget(key);
    },
  };
  memoryStores.add(store);
  return store;
}
