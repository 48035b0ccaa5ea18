import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { after, describe, it } from "node:test";
import { createThrottle } from "../../../mod.ts";
import { type SqliteDatabase, sqliteStore } from "../../../src/stores/sqlite/mod.ts";
import { inTime } from "../../harness/in_time.ts";
import { faultTable, LIMIT, type Observation, type Outage, runOutage, USED } from "../../harness/outage.ts";
import { DEADLINE_MS, IS_MEASURED } from "../../harness/outage_trials.ts";
import { type OpenDatabase, sqliteFolder } from "../../harness/sqlite.ts";
import { pause } from "../../harness/until.ts";

/** Files of SQLite that are slow, and no outage: the store decides, and late by what it waits for. */

/** How long each lock is held, shorter than the deadline, and how long the file is free after it, in ms. */
const LOCKED_MS = 100;
const FREE_MS = 100;
/** The longest pause between two tries of the store, and the longest wait of SQLite itself, in ms. */
const NEXT_TRY_MS = 48 + 5;
const SLACK_MS = IS_MEASURED ? 50 : 750;

/** Another writer that locks the file again and again. */
function lockedInTurns(other: OpenDatabase): Outage {
  let isOver = false;
  let ended: Promise<void> = Promise.resolve();
  async function lock(): Promise<void> {
    while (!isOver) {
      other.exec("BEGIN IMMEDIATE");
      await pause(LOCKED_MS);
      other.exec("ROLLBACK");
      await pause(FREE_MS);
    }
  }
  return {
    begin: () => void (ended = lock()),
    async end() {
      isOver = true;
      await ended;
    },
  };
}

/** The database on a disk whose commits take so many ms, in which the process stands still. */
function onSlowDisk(database: SqliteDatabase, disk: { readonly ms: number }): SqliteDatabase {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        run(...values) {
          if (sql === "COMMIT") Atomics.wait(clock, 0, 0, disk.ms);
          return statement.run(...values);
        },
      };
    },
  };
}

describe("a file of SQLite that is slow", () => {
  const folder = sqliteFolder();
  const rows: [string, readonly Observation[]][] = [];
  after(() => {
    folder.clear();
    if (IS_MEASURED) console.log(`\n${faultTable(rows)}\n`);
  });

  it("decides itself, late by the lock, where another writer locks the file for less than the deadline", () =>
    inTime(async (tries) => {
      const open = () => folder.open(`${tries}.db`);
      const locked = lockedInTurns(open());
      const storeFor = (table: string) =>
        sqliteStore({ database: open(), table, timeoutMs: DEADLINE_MS, denyCache: false });
      const observations = await runOutage(locked, storeFor).finally(locked.end);
      rows.push([`SQLite: locked for ${LOCKED_MS} ms again and again`, observations]);
      for (const seen of observations) {
        const { policy, admitted, admittedAfter, sources, statuses, states, p99, slowest } = seen;
        assertEquals([admitted, sources, statuses, states], [LIMIT - USED, ["store"], [429], []], policy);
        assertEquals(admittedAfter, 0, policy);
        assertLessOrEqual(p99, LOCKED_MS + NEXT_TRY_MS + SLACK_MS, policy);
        assert(slowest > LOCKED_MS / 2, `No request of ${policy} met a lock: ${slowest}`);
      }
    }));

  it("decides itself on a slow disk, late by what the disk takes, as no deadline ends a synchronous call", async () => {
    const disk = { ms: 0 };
    const states: unknown[] = [];
    const throttle = createThrottle({ name: "quota", rate: "3/hour" }, {
      store: sqliteStore({
        database: onSlowDisk(folder.open(), disk),
        table: "slow",
        timeoutMs: 20,
        denyCache: false,
      }),
      onStoreFailure: "deny",
      client: { address: () => "192.0.2.1" },
      observers: [({ type, state }) => type === "store" && states.push(state)],
    });
    const ask = () => throttle.check(new Request("https://example.com/"));
    await ask();
    disk.ms = 60;
    const begun = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 8 }, ask));
    assert(performance.now() - begun >= 8 * 60 - 1);
    assertEquals(outcomes.filter(({ allowed }) => allowed).length, 2);
    assertEquals([...new Set(outcomes.map(({ decisions: [{ source }] }) => source))], ["store"]);
    assertEquals(states, []);
  });
});
