import { after, describe, it } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Check, decideChecks, type Store } from "../../mod.ts";
import { manualClock, storeBehaviours } from "../../src/testing/mod.ts";

/** A store on SQLite, as somebody who has read docs/writing-your-own.md alone would write it. */

interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): { get(...values: unknown[]): unknown; run(...values: unknown[]): unknown };
  close(): void;
}

function sqliteStore(database: Database, clock: () => number = Date.now): Store {
  database.exec("PRAGMA busy_timeout = 1000");
  database.exec("CREATE TABLE IF NOT EXISTS weir (key TEXT PRIMARY KEY, state TEXT, until INTEGER)");
  const select = database.prepare("SELECT state FROM weir WHERE key = ?");
  const upsert = database.prepare("INSERT OR REPLACE INTO weir VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM weir WHERE key = ?");
  const sweep = database.prepare("DELETE FROM weir WHERE until < ?");
  // As JSON, any text is well-formed UTF-8 without NUL.
  const keyOf = (key: string): string => JSON.stringify(key);
  let swept = clock();

  function transact<T>(run: () => T): T {
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
  function load({ key }: Check): unknown {
    const row = select.get(keyOf(key)) as { state: string } | null | undefined;
    return row ? JSON.parse(row.state) : null;
  }
  function decide(checks: readonly Check[], spend = true) {
    return transact(() => {
      const now = clock();
      if (now - swept > 60_000) sweep.run(swept = now);
      return decideChecks(checks, spend, now, {
        load,
        save: ({ key }, state, ttlMs) =>
          state === null
            ? remove.run(keyOf(key))
            : upsert.run(keyOf(key), JSON.stringify(state), now + ttlMs),
      });
    });
  }
  return { shared: true, clock, decide, forget: (key) => void remove.run(keyOf(key)) };
}

/** Deno and Node from 22.5 on have node:sqlite, Bun has bun:sqlite. */
async function open(): Promise<((path: string) => Database) | null> {
  for (const [module, name] of [["node:sqlite", "DatabaseSync"], ["bun:sqlite", "Database"]]) {
    const found = await import(module).catch(() => null) as Record<string, new (path: string) => Database>;
    if (found !== null) return (path) => new found[name](path);
  }
  return null;
}
const openDatabase = await open();
const skip = openDatabase === null && "this runtime has neither node:sqlite nor bun:sqlite";
if (skip) console.warn(`tests/stores/sqlite_by_hand_test.ts is skipped: ${skip}`);

describe("a store on SQLite over decideChecks, written by hand", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-sqlite-"));
  const databases: Database[] = [];
  after(() => {
    for (const database of databases) database.close();
    rmSync(folder, { recursive: true });
  });

  const clock = manualClock();
  const subject = {
    open() {
      const database = openDatabase!(join(folder, "weir.db"));
      databases.push(database);
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
      return sqliteStore(database, clock);
    },
    advance: clock.advance,
  };
  for (const { name, run } of storeBehaviours) it(name, { skip }, () => run(subject));
});
