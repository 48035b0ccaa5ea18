/**
 * Errors by which a database says that another transaction was first.
 *
 * @module
 */

/** SQLSTATEs: serialization failure, deadlock, lock not available. MySQL's names of a deadlock and of a lock that took too long. */
const CODES = ["40001", "40P01", "55P03", "ER_LOCK_DEADLOCK", "ER_LOCK_WAIT_TIMEOUT"];

/** SQLite's result codes of a file, and of a table, that another connection has locked. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

/** SQLite's sentences for the two. Deno gives errors of `DatabaseSync.exec` nothing else to go by. */
const LOCKED = /^database (?:table |schema )?is locked/;

/** The members by which drivers give the code of an error. */
interface DriverError {
  readonly code?: unknown;
  /** SQLite's result code in `node:sqlite`. */
  readonly errcode?: unknown;
  /** SQLite's result code in `bun:sqlite`. */
  readonly errno?: unknown;
}

/**
 * Did a transaction fail because another one was first? Then nothing of it was kept, and it may be tried again.
 *
 * @param error An error of a driver of SQLite, PostgreSQL or MySQL.
 */
export function isLostRace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errcode, errno } = error as DriverError;
  if (typeof code === "string" && /^SQLITE_(?:BUSY|LOCKED)/.test(code)) return true;
  if (CODES.includes(code as string)) return true;
  if (code === "ERR_SQLITE_ERROR" && errcode === undefined) return LOCKED.test(error.message);
  const isOfSqlite = typeof errcode === "number" || (typeof code === "string" && code.startsWith("SQLITE"));
  // The upper bits of a result code are details.
  const result = Number(errcode ?? errno) & 0xff;
  return isOfSqlite && (result === SQLITE_BUSY || result === SQLITE_LOCKED);
}
