import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { type Check, concurrency, createThrottle, fixedWindow, type StoreDecision } from "../../../mod.ts";
import { sqliteStore } from "../../../src/stores/sqlite/mod.ts";
import { manualClock } from "../../../src/testing/mod.ts";
import { pauseAwake } from "../../harness/awake.ts";
import { runtime } from "../../harness/runtime.ts";
import { type OpenDatabase, SQLITE_DRIVERS, sqliteFolder } from "../../harness/sqlite.ts";
import { pause, until } from "../../harness/until.ts";

function checkOf(key: string, windowMs = 60_000): Check {
  const policy = { name: key.replace(/:.*/, ""), limit: 3, windowMs, mode: "enforce" as const };
  return { key, policy, algorithm: fixedWindow(), cost: 1, since: null };
}

describe("sqliteStore", () => {
  const folder = sqliteFolder();
  after(folder.clear);
  let files = 0;
  const fresh = (): string => `${++files}.db`;

  const rowsIn = (database: OpenDatabase): number =>
    Number((database.prepare("SELECT count(*) AS rows FROM weir").get() as { rows: number }).rows);
  const remaining = (answer: unknown): number => (answer as StoreDecision[])[0].remaining;

  it("is tested with each driver of this runtime", () => {
    const hasOwn = runtime !== "node" || Number(process.versions.node.split(".")[0]) >= 24;
    const own = runtime === "bun" ? ["node:sqlite", "bun:sqlite"] : hasOwn ? ["node:sqlite"] : [];
    const names = SQLITE_DRIVERS.map(({ name }) => name);
    assertEquals(names.filter((name) => name !== "better-sqlite3"), [...own, "libsql"]);
  });

  for (const driver of SQLITE_DRIVERS) {
    it(`answers without a promise, and keeps its counts when the file is opened again: ${driver.name}`, () => {
      const name = fresh();
      const first = sqliteStore({ database: folder.open(name, driver) });
      assertEquals(remaining(first.decide([checkOf("a:1")])), 2);
      const second = sqliteStore({ database: folder.open(name, driver) });
      assertEquals(remaining(second.decide([checkOf("a:1")])), 1);
      assertEquals(remaining(first.decide([checkOf("a:1")])), 0);
    });

    it(`waits outside while another writer has the file locked, and decides all together: ${driver.name}`, async () => {
      const name = fresh();
      const database = folder.open(name, driver);
      let begun = 0;
      const counting = {
        exec: (sql: string) => database.exec(sql),
        prepare(sql: string) {
          const statement = database.prepare(sql);
          if (sql !== "BEGIN IMMEDIATE") return statement;
          return {
            get: () => null,
            all: () => [],
            run() {
              begun++;
              return statement.run();
            },
          };
        },
      };
      const store = sqliteStore({ database: counting, timeoutMs: 60_000 });
      await store.decide([checkOf("a:0")]);
      const other = folder.open(name, driver);
      other.exec("BEGIN IMMEDIATE");
      const asked = Array.from({ length: 200 }, () => Promise.resolve(store.decide([checkOf("a:1")])));
      assertEquals(begun, 2, "the first request stood still for SQLite's own wait, and no other one");
      await pause(30);
      other.exec("COMMIT");
      const answers = await Promise.all(asked);
      assertEquals(answers.filter(([{ allowed }]) => allowed).length, 3);
      assert(Array.isArray(store.decide([checkOf("a:1")])), "answers at once again");
    });

    it(`waits in the same way where the file is locked before its table is made: ${driver.name}`, async () => {
      const name = fresh();
      const other = folder.open(name, driver);
      other.exec("BEGIN EXCLUSIVE");
      const store = sqliteStore({ database: folder.open(name, driver), timeoutMs: 60_000 });
      const asked = store.decide([checkOf("a:1")]);
      await pause(30);
      other.exec("COMMIT");
      assertEquals(remaining(await asked), 2);
    });
  }

  it("fails a request that waited for timeoutMs, charges it nowhere, and works again afterwards", async () => {
    const name = fresh();
    const store = sqliteStore({ database: folder.open(name), timeoutMs: 40 });
    assertEquals(remaining(store.decide([checkOf("a:1")])), 2);
    const other = folder.open(name);
    other.exec("BEGIN IMMEDIATE");
    await assertRejects(async () => await store.decide([checkOf("a:1")]), Error, "busy for 40 ms");
    other.exec("ROLLBACK");
    assertEquals(remaining(store.decide([checkOf("a:1")])), 1);
  });

  const FAULTS: readonly (readonly [string, (own: OpenDatabase, other: OpenDatabase) => void, string])[] = [
    ["was locked for longer than timeoutMs", (_, other) => other.exec("BEGIN IMMEDIATE"), "busy for 40 ms"],
    ["could not be written", (own) => own.exec("PRAGMA query_only = 1"), "readonly"],
  ];
  for (const [what, begin, words] of FAULTS) {
    it(`gives slots back that were to be free while the file ${what}`, async () => {
      const name = fresh();
      const [own, other] = [folder.open(name), folder.open(name)];
      const errors: unknown[] = [];
      const throttle = createThrottle(
        { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: "1h" }) },
        {
          store: sqliteStore({ database: own, timeoutMs: 40 }),
          client: { address: () => "192.0.2.1" },
          observers: [({ error }) => error && errors.push(error)],
        },
      );
      const ask = () => throttle.check(new Request("https://example.com/"));
      const asked = [await ask(), await ask(), await ask()];
      assertEquals([await ask()].map(({ allowed }) => allowed), [false]);
      begin(own, other);
      for (const outcome of asked) await outcome.label(new Response("done")).text();
      await pauseAwake(200); // longer than timeoutMs
      own.exec("PRAGMA query_only = 0");
      if (begin.length === 2) other.exec("ROLLBACK");
      await until(async () => (await throttle.usage("slots", "192.0.2.1")).remaining === 3);
      assertMatch(String(errors[0]), new RegExp(`${words}|did not answer within 40 ms`));
    });
  }

  it("removes rows that are over, a few at a time, so that the file stays as large as what lives", () => {
    const name = fresh();
    const database = folder.open(name);
    const clock = manualClock();
    const store = sqliteStore({ database, clock });
    const ask = (key: number) => {
      clock.advance(1);
      store.decide([checkOf(`a:${key}`, 500)]);
    };
    for (let key = 0; key < 5000; key++) ask(key);
    // 1,500 ms of keys live, a second of slack included.
    const rows = rowsIn(database);
    assert(rows < 2 * 1500, `${rows} rows`);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    const { size } = statSync(join(folder.path, name));
    for (let key = 5000; key < 10_000; key++) ask(key);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    assert(statSync(join(folder.path, name)).size < 1.5 * size);
  });

  it("takes a row from a clock that was wrong for as old as now, and lets it end", () => {
    const database = folder.open(fresh());
    const clock = manualClock();
    const store = sqliteStore({ database, clock });
    const year = 365 * 86_400_000;
    clock.advance(year);
    for (let i = 0; i < 3; i++) store.decide([checkOf("a:1")]);
    for (let i = 0; i < 50; i++) store.decide([checkOf(`other:${i}`)]);
    clock.advance(-year);
    const [refused] = store.decide([checkOf("a:1")]) as StoreDecision[];
    assert(!refused.allowed && refused.retryAfterMs <= 60_000, `${refused.retryAfterMs}`);
    for (let i = 0; i < 200; i++) store.decide([checkOf(`new:${i}`)]);
    const late = database.prepare("SELECT count(*) AS rows FROM weir WHERE expires_at > ?");
    assertEquals((late.get(clock() + 120_000) as { rows: number }).rows, 0);
    clock.advance(60_000);
    assertEquals(remaining(store.decide([checkOf("a:1")])), 2);
  });

  it("leaves a transaction of somebody else on its connection alone, and fails", () => {
    const database = folder.open(fresh());
    const store = sqliteStore({ database });
    store.decide([checkOf("a:1")]);
    database.exec("CREATE TABLE mine (value)");
    database.exec("BEGIN");
    database.exec("INSERT INTO mine VALUES (1)");
    assertThrows(() => store.decide([checkOf("a:1")]), Error, "transaction");
    database.exec("COMMIT");
    assertEquals((database.prepare("SELECT count(*) AS rows FROM mine").get() as { rows: number }).rows, 1);
    assertEquals(remaining(store.decide([checkOf("a:1")])), 1);
  });

  it("makes a table that was dropped again, after one failure", () => {
    const database = folder.open(fresh());
    const store = sqliteStore({ database });
    store.decide([checkOf("a:1")]);
    database.exec("DROP TABLE weir");
    assertThrows(() => store.decide([checkOf("a:1")]), Error, "no such table");
    assertEquals(remaining(store.decide([checkOf("a:1")])), 2);
  });

  it("counts on in a file that is removed, for all who have it open, and anew for those who come later", () => {
    const name = fresh();
    const open = () => sqliteStore({ database: folder.open(name) });
    const [first, second] = [open(), open()];
    assertEquals([first, second].map((store) => remaining(store.decide([checkOf("a:1")]))), [2, 1]);
    for (const end of ["", "-wal", "-shm"]) rmSync(join(folder.path, name + end));
    assertEquals([first, second].map((store) => remaining(store.decide([checkOf("a:1")]))), [0, 0]);
    assertEquals(remaining(open().decide([checkOf("a:1")])), 2);
  });

  it("keeps stores with different tables apart, and makes its table at the first request", () => {
    const database = folder.open(fresh());
    const [one, two] = ["one", "two"].map((table) => sqliteStore({ database, table }));
    const tables = () =>
      database.prepare("SELECT name FROM sqlite_master ORDER BY name").all() as { name: string }[];
    assertEquals(tables().length, 0);
    assertEquals([remaining(one.decide([checkOf("a:1")])), remaining(two.decide([checkOf("a:1")]))], [2, 2]);
    assertEquals(tables().map(({ name }) => name), ["one", "two"]);
  });

  it("works in a throttle: statistics aside, with the deny cache, a reset and a look at the use", async () => {
    const store = sqliteStore({ database: folder.open(fresh()) });
    const throttle = createThrottle({ name: "api", rate: "2/min" }, {
      store,
      client: { address: () => "192.0.2.1" },
    });
    const ask = async () => (await throttle.check(new Request("https://example.com/"))).decisions[0];
    const sources = [await ask(), await ask(), await ask(), await ask()].map(({ source }) => source);
    assertEquals(sources, ["store", "store", "store", "deny-cache"]);
    assertEquals((await throttle.usage("api", "192.0.2.1")).remaining, 0);
    await throttle.reset("api", "192.0.2.1");
    assertEquals((await ask()).remaining, 1);
  });

  it("refuses what is no database, a table's name with a quote, and rows that are arrays", () => {
    assertThrows(
      () => sqliteStore({ database: {} as never }),
      TypeError,
      "an open database with the methods exec and prepare",
    );
    const database = folder.open(fresh());
    for (const table of ['we"ir', "sqlite_weir", "SQLite_weir"]) {
      assertThrows(() => sqliteStore({ database, table }), TypeError, "letters, digits and underscores");
    }
    const asArrays = {
      exec: (sql: string) => database.exec(sql),
      prepare(sql: string) {
        const statement = database.prepare(sql);
        const { get, all, run } = statement;
        return {
          get: () => Object.values(get.call(statement) ?? {}),
          all: () => all.call(statement),
          run: () => run.call(statement),
        };
      },
    };
    const store = sqliteStore({ database: asArrays });
    assertThrows(() => store.decide([checkOf("a:1")]), TypeError, "must give rows as objects");
  });
});
