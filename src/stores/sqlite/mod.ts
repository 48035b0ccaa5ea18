/**
 * The store on a file of SQLite: entry `./sqlite`.
 *
 * @module
 */

import { BOOLEAN, type Demand, FUNCTION, requireOptions, timerMs } from "../../options.ts";
import type { Store } from "../store.ts";
import { transactionStore } from "../transaction_store.ts";
import { DATABASE, type SqliteDatabase } from "./sqlite_database.ts";
import { type StateTable, stateTable } from "./state_table.ts";

export type { SqliteDatabase, SqliteStatement } from "./sqlite_database.ts";

/** The options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * The database, open: `new DatabaseSync(path)` of `node:sqlite` (Node from 22.13 on, Deno), `new Database(path)` of
   * `bun:sqlite`, of better-sqlite3 or of libsql. Give the store a connection of its own.
   */
  database: SqliteDatabase;
  /**
   * The table: letters, digits and underscores, but for `sqlite_` at the beginning, which SQLite keeps for itself.
   * Stores with one table in one file share their counts. Default "weir".
   */
  table?: string;
  /**
   * How long a request waits while others have the file locked, in ms: after it the rules' `onStoreFailure` decides. Default 250.
   */
  timeoutMs?: number;
  /** Are refusals whose end is known answered from this instance's memory until then? Default true. */
  denyCache?: boolean;
  /** The time, epoch ms, the same for all processes; fractions are cut off. Default `Date.now`. */
  clock?: () => number;
}

const TABLE: Demand = {
  must: "a name of letters, digits and underscores that does not begin with sqlite_",
  holds: (value) => typeof value === "string" && /^(?!sqlite_)[a-z_]\w*$/i.test(value),
};

/** Runs transactions on a table that is made before the first of them. */
function transactions(open: () => StateTable): <T>(run: (rows: StateTable["rows"]) => T) => T {
  let table: StateTable | null = null;
  return (run) => {
    const { rows, begin, commit, rollBack } = table ??= open();
    begin();
    try {
      const result = run(rows);
      commit();
      return result;
    } catch (error) {
      // It may be that somebody has dropped the table: it is made again before the next request.
      table = null;
      try {
        rollBack();
      } catch {
        // SQLite has done it already, as it does when the disk is full.
      }
      throw error;
    }
  };
}

/**
 * Keeps states in a file of SQLite: one limit for all processes of a machine, and counts that outlive them. It is the step
 * between `memoryStore()` and a server such as Redis: no server, no network, and an answer without a promise.
 *
 * All rules of a request are decided in one transaction (`BEGIN IMMEDIATE`), all or none, by the clock of the machine, which is
 * read while the file is locked. Processes may be of different runtimes. A process that is killed in the middle leaves neither a
 * lock nor a half charge. A machine that loses its power may lose the last charges, never the file: the store sets
 * `journal_mode = WAL`, `synchronous = NORMAL` and a short `busy_timeout` on its connection.
 *
 * While another process has the file locked, the store waits up to 5 ms on the spot; after that requests wait outside, while the
 * process goes on, and are then decided together. After `timeoutMs` each rule's `onStoreFailure` decides.
 *
 * One machine means one kernel: WAL needs memory that all processes share. Never put the file on a network file system (NFS,
 * SMB, most shared volumes of containers on several hosts); a local volume that containers of one host share works.
 *
 * The table is made at the first request. Rows that are over are removed a few at a time by the requests that write, so the file
 * grows with what lives at one time. A clock that was wrong for a while heals: times further ahead than a state's life
 * count as now.
 *
 * @param options See {@link SqliteStoreOptions}.
 * @returns The store. It does not close the database.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs is out of its range.
 *
 * @example One limit for all processes of a machine
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { sqliteStore } from "@weir/throttle/sqlite";
 * import { DatabaseSync } from "node:sqlite"; // on Bun: import { Database } from "bun:sqlite"
 * import { equal } from "node:assert/strict";
 *
 * const database = new DatabaseSync(":memory:"); // in production a path: "/var/lib/shop/limits.db"
 * const throttle = createThrottle("1/hour", {
 *   store: sqliteStore({ database }),
 *   client: { address: () => "192.0.2.1" },
 * });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * database.close();
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): Store {
  requireOptions(options, {
    database: DATABASE,
    table: TABLE,
    timeoutMs: timerMs(),
    denyCache: BOOLEAN,
    clock: FUNCTION,
  }, "make sqliteStore()");
  const { database, table = "weir", timeoutMs = 250, denyCache = true, clock = Date.now } = options;
  return transactionStore({
    name: "sqliteStore()",
    transact: transactions(() => stateTable(database, table, clock)),
    clock,
    timeoutMs,
    denyCache,
  });
}
