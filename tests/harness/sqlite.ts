import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqliteDatabase } from "../../src/stores/sqlite/mod.ts";

/** An open database that can be closed. */
export interface OpenDatabase extends SqliteDatabase {
  close(): void;
}

/** A driver of SQLite. */
export interface SqliteDriver {
  readonly name: string;
  open(path: string): OpenDatabase;
}

type DatabaseClass = new (path: string) => OpenDatabase;

/** The drivers by their modules, and the property of each that is the class; null: the module is the class. */
const MODULES: readonly (readonly [string, string | null])[] = [
  ["node:sqlite", "DatabaseSync"],
  ["bun:sqlite", "Database"],
  ["libsql", null],
  // It needs a compiler where it is installed, so it is no dependency of the tests.
  ["better-sqlite3", null],
];

const require = createRequire(import.meta.url);

/** The driver of a module, unless this runtime does not have it. */
async function driverOf(module: string, property: string | null): Promise<SqliteDriver[]> {
  const found = await (property === null ? Promise.resolve().then(() => require(module)) : import(module))
    .catch(() => null);
  const Database: DatabaseClass | undefined = property === null ? found ?? undefined : found?.[property];
  return Database === undefined ? [] : [{ name: module, open: (path) => new Database(path) }];
}

/** The drivers that this runtime has, its own first: at least libsql. */
export const SQLITE_DRIVERS: readonly SqliteDriver[] =
  (await Promise.all(MODULES.map(([module, property]) => driverOf(module, property)))).flat();

/** The first of them. */
export const [sqlite] = SQLITE_DRIVERS;

/** A folder for databases, and a way to open them that knows what to close. */
export interface SqliteFolder {
  readonly path: string;
  /** Opens a database of the folder. */
  open(name?: string, driver?: SqliteDriver): OpenDatabase;
  /** Closes all databases. */
  close(): void;
  /** The same, and removes the folder. */
  clear(): void;
}

export function sqliteFolder(): SqliteFolder {
  const path = mkdtempSync(join(tmpdir(), "weir-sqlite-"));
  const opened: OpenDatabase[] = [];
  function close(): void {
    for (const database of opened.splice(0)) database.close();
  }
  return {
    path,
    open(name = "weir.db", driver = sqlite) {
      const database = driver.open(join(path, name));
      opened.push(database);
      return database;
    },
    close,
    clear() {
      close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}
