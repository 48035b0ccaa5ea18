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
  /** Why it cannot be used on this runtime. */
  readonly skip: string | false;
  open(path: string): OpenDatabase;
}

type DatabaseClass = new (path: string) => OpenDatabase;

/** The drivers by their modules, and the property of each that is the class; null: the module is the class. */
const MODULES: readonly (readonly [string, string | null])[] = [
  ["node:sqlite", "DatabaseSync"],
  ["bun:sqlite", "Database"],
  ["libsql", null],
  ["better-sqlite3", null],
];

const require = createRequire(import.meta.url);

/** A module that this runtime has no such class in answers as one that is missing does. */
async function classOf(module: string, property: string | null): Promise<DatabaseClass | null> {
  try {
    if (property === null) return require(module);
    return (await import(module))[property] ?? null;
  } catch {
    return null;
  }
}

/** All drivers, those first that the runtime brings. */
export const SQLITE_DRIVERS: readonly SqliteDriver[] = await Promise.all(
  MODULES.map(async ([name, property]): Promise<SqliteDriver> => {
    const Database = await classOf(name, property);
    return {
      name,
      skip: Database === null && `this runtime has no ${name}`,
      open(path) {
        if (Database === null) throw new Error(`This runtime has no ${name}`);
        return new Database(path);
      },
    };
  }),
);

/** The first driver that this runtime has. */
export const sqlite: SqliteDriver = SQLITE_DRIVERS.find(({ skip }) => !skip) ??
  { ...SQLITE_DRIVERS[0], skip: "this runtime has no driver of SQLite" };

/** A folder for databases, and a way to open them that knows what to close. */
export interface SqliteFolder {
  readonly path: string;
  /** Opens a database of the folder. */
  open(name?: string, driver?: SqliteDriver): OpenDatabase;
  /** Closes all databases and removes the folder. */
  clear(): void;
}

export function sqliteFolder(): SqliteFolder {
  const path = mkdtempSync(join(tmpdir(), "weir-sqlite-"));
  const opened: OpenDatabase[] = [];
  return {
    path,
    open(name = "weir.db", driver = sqlite) {
      const database = driver.open(join(path, name));
      opened.push(database);
      return database;
    },
    clear() {
      for (const database of opened) database.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}
