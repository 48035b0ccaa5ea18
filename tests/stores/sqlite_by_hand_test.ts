import { after, describe, it } from "node:test";
import { type Check, decideChecks, type StateRows, type Store, transactionStore } from "../../mod.ts";
import { manualClock, storeBehaviours } from "../../src/testing/mod.ts";
import { sqliteFolder } from "../harness/sqlite.ts";

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

/** A store on SQLite, as somebody who has read docs/databases.md alone would write it. */
function sqliteByTransactions(database: Database, clock: () => number): Store {
  database.exec("PRAGMA busy_timeout = 1000");
  database.exec("CREATE TABLE IF NOT EXISTS limits (key TEXT PRIMARY KEY, text TEXT, expires_at INTEGER)");
  const select = database.prepare("SELECT text FROM limits WHERE key = ?");
  const upsert = database.prepare("INSERT OR REPLACE INTO limits VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM limits WHERE key = ?");
  const sweep = database.prepare("DELETE FROM limits WHERE expires_at < ?");
  const rows: StateRows = {
    load: (key) => (select.get(key) as { text: string } | null | undefined)?.text,
    save: (key, text, expiresAt) => upsert.run(key, text, expiresAt),
    remove: (key) => remove.run(key),
  };
  return transactionStore({
    clock,
    transact(run) {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = run(rows);
        sweep.run(clock());
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
  });
}

const BY_HAND = { decideChecks: sqliteStore, transactionStore: sqliteByTransactions };

for (const [name, make] of Object.entries(BY_HAND)) {
  describe(`a store on SQLite over ${name}, written by hand`, () => {
    const folder = sqliteFolder();
    after(folder.clear);
    const clock = manualClock();
    const subject = {
      open() {
        const database = folder.open();
        database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
        return make(database, clock);
      },
      advance: clock.advance,
    };
    for (const { name, run } of storeBehaviours) it(name, () => run(subject));
  });
}
