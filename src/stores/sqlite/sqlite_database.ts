/**
 * Databases of SQLite, whichever driver opened them.
 *
 * @module
 */

import { type Demand, typeShown } from "../../options.ts";

/** A prepared statement, as far as the store uses it. */
export interface SqliteStatement {
  /** The first row; undefined or null where there is none. */
  get(...values: (string | number)[]): unknown;
  /** All rows. */
  all(...values: (string | number)[]): unknown[];
  /** Runs it for its effect. */
  run(...values: (string | number)[]): unknown;
}

/**
 * An open database: `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`, of better-sqlite3 or of libsql, or an object of
 * their shape. All of them answer at once, without a promise.
 */
export interface SqliteDatabase {
  /** Runs some SQL for its effect. */
  exec(sql: string): unknown;
  /** Prepares a statement. */
  prepare(sql: string): SqliteStatement;
}

const METHODS: readonly (keyof SqliteDatabase)[] = ["exec", "prepare"];

/** The demand on the option `database`. */
export const DATABASE: Demand = {
  must: `an open database with the methods ${/* @__PURE__ */ METHODS.join(" and ")}`,
  holds: (value) => METHODS.every((name) => typeof value?.[name] === "function"),
  shows: typeShown,
  presence: "required",
};
