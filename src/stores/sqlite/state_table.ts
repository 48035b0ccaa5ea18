/**
 * The table of states in a database of SQLite.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import type { StateRows } from "../transaction_store.ts";
import type { SqliteDatabase, SqliteStatement } from "./sqlite_database.ts";

/**
 * How long SQLite itself waits for the lock of another process, in ms: longer than a decision of that process takes, and short, as
 * this process stands still meanwhile. After that the request waits outside, while others go on.
 */
const BUSY_MS = 5;

/** A sweep looks at so many rows. */
const ROWS_PER_SWEEP = 128;
/** A sweep is due for so many rows that were not there, or for eight times as many writes: so rows go faster than they come. */
const NEW_ROWS_PER_SWEEP = 32;
const WRITES_PER_NEW_ROW = 8;

/** Behind every key, as keys begin with a printable character. */
const BEHIND_ALL = "\x7f";

/** A table that is made and whose statements are prepared. */
export interface StateTable {
  readonly rows: StateRows;
  begin(): void;
  /** Removes a few of the rows that are over, now and then, and commits. */
  commit(): void;
  /** Undoes what was done since `begin`. */
  rollBack(): void;
}

/** Makes the table, if it is not there. It may be locked just then: that is an error like any other. */
function makeTable(database: SqliteDatabase, table: string): void {
  // First, for the other two may have to wait.
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec(
    `CREATE TABLE IF NOT EXISTS "${table}" (key TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at INTEGER NOT NULL, ` +
      "expires_at INTEGER NOT NULL) WITHOUT ROWID",
  );
}

/** Some drivers can be asked for rows of another shape, in which no state would ever be found. */
function requireObjects(database: SqliteDatabase): void {
  const row = database.prepare("SELECT 'here' AS state").get() as { readonly state?: unknown } | null;
  if (row?.state === "here") return;
  throw new TypeError(
    cannot("keep states in this database", "it must give rows as objects with the columns' names", row),
  );
}

/** The statements about a table. */
function statementsOf(database: SqliteDatabase, name: string) {
  const prepare = (sql: string): SqliteStatement => database.prepare(sql.replace("TABLE", `"${name}"`));
  // Kept for all transactions: libsql leaves one that met a lock open until it runs again, and could not commit meanwhile.
  const begin = prepare("BEGIN IMMEDIATE");
  const commit = prepare("COMMIT");
  const rollBack = prepare("ROLLBACK");
  const select = prepare("SELECT state FROM TABLE WHERE key = ?");
  // Each parameter is a bare "?": better-sqlite3 takes one with a number for one with a name.
  const upsert = prepare(
    "INSERT INTO TABLE VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET " +
      "state = excluded.state, saved_at = excluded.saved_at, expires_at = excluded.expires_at",
  );
  const remove = prepare("DELETE FROM TABLE WHERE key = ?");
  const stride = prepare(
    `SELECT key FROM TABLE WHERE key > ? ORDER BY key LIMIT 1 OFFSET ${ROWS_PER_SWEEP - 1}`,
  );
  const removeOver = prepare("DELETE FROM TABLE WHERE key > ? AND key <= ? AND expires_at <= ?");
  // The clock was wrong when such a row was saved: it lives on from now, and not until that time comes.
  const mend = prepare(
    "UPDATE TABLE SET saved_at = ?, expires_at = ? + expires_at - saved_at " +
      "WHERE key > ? AND key <= ? AND saved_at > ? + expires_at - saved_at",
  );
  return { begin, commit, rollBack, select, upsert, remove, stride, removeOver, mend };
}

/**
 * Makes the table and prepares its statements.
 *
 * @param database The database.
 * @param name The table's name.
 * @param clock The time, epoch ms.
 */
export function stateTable(database: SqliteDatabase, name: string, clock: () => number): StateTable {
  makeTable(database, name);
  requireObjects(database);
  const { begin, commit, rollBack, select, upsert, remove, stride, removeOver, mend } = statementsOf(
    database,
    name,
  );

  let now = 0;
  /** Writes since the last sweep; a row that was not there counts as several. */
  let writes = 0;
  /** The last key that the sweep has looked at; "" before the first. */
  let swept = "";

  /** Goes round the table, a few rows at a time, so that nothing is kept sorted by expiry. */
  function sweep(): void {
    writes = 0;
    const found = stride.get(swept) as { readonly key: string } | null | undefined;
    const last = found?.key ?? BEHIND_ALL;
    removeOver.run(swept, last, now);
    mend.run(now, now, swept, last, now);
    swept = found?.key ?? "";
  }

  return {
    rows: {
      load(key) {
        const row = select.get(key) as { readonly state: string } | null | undefined;
        if (!row) writes += WRITES_PER_NEW_ROW;
        return row?.state;
      },
      save(key, text, expiresAt) {
        writes++;
        upsert.run(key, text, now, expiresAt);
      },
      remove: (key) => remove.run(key),
      now: () => now = Math.floor(clock()),
    },
    begin: () => void begin.run(),
    commit() {
      if (writes >= NEW_ROWS_PER_SWEEP * WRITES_PER_NEW_ROW) sweep();
      commit.run();
    },
    rollBack: () => void rollBack.run(),
  };
}
