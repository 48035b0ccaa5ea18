import { assert } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { Client, Pool } from "pg";
import { postgresStore } from "../../../src/stores/postgres/mod.ts";
import type { Outage } from "../../harness/outage.ts";
import {
  DEADLINE_MS,
  type Expectation,
  IS_MEASURED,
  itWithstands,
  type OutageTrial,
  printOutages,
} from "../../harness/outage_trials.ts";
import { NOBODY, type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { mayMountSmallDisk, mountSmallDisk, unmountSmallDisk } from "../../harness/small_disk.ts";

/** The ways in which Postgres fails, under load, for every policy. */

/** How long a client waits for a connection, in ms. */
const CONNECT_MS = IS_MEASURED ? 1000 : 5000;

const EXPECTATION: Expectation = { mayCharge: true, connectMs: CONNECT_MS, mayLookLikeTwo: true };

interface Fault {
  readonly fault: string;
  readonly outageOf: (postgres: Postgres) => Outage;
  clear?(): void;
}

/** Another transaction that has the whole table. */
function lockedTable(postgres: Postgres): Outage {
  let other: Pool;
  return {
    async begin() {
      other = new Pool({ connectionString: postgres.url, max: 1 });
      await other.query("BEGIN");
      await other.query("LOCK TABLE weir IN ACCESS EXCLUSIVE MODE");
    },
    async end() {
      await other.query("ROLLBACK");
      await other.end();
    },
  };
}

/** The disk of the table alone is full: where the server's log is on it too, the server ends instead. */
function fullDisk(): Fault {
  let folder: string;
  return {
    fault: "Postgres: disk full",
    outageOf(postgres) {
      folder = mkdtempSync(join(tmpdir(), "weir-small-"));
      const ballast = join(folder, "ballast");
      const reader = new Client({ connectionString: postgres.url });
      reader.on("error", () => {});
      assert(mountSmallDisk(folder, "8m", NOBODY));
      return {
        async begin() {
          await postgres.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
          await postgres.query("ALTER TABLE weir SET TABLESPACE small");
          // Whoever reads an old snapshot keeps dead rows from being removed: then each charge needs new space.
          await reader.connect();
          await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM weir");
          spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k"]);
          // Each row, the shortest last, takes what room there is on the pages, until a write of it fails. In a statement of its
          // own: the rows that a failed statement has written are removed at once. Again, until no row finds any: while another
          // statement looks at a page, its dead rows from before the snapshot stay, and make room a moment later.
          const { rows } = await postgres.query("SELECT key FROM weir ORDER BY pg_column_size(weir.*) DESC");
          for (let hasRoom = true; hasRoom;) {
            hasRoom = false;
            for (const { key } of rows) {
              for (let isFull = false; !isFull;) {
                await postgres.query("UPDATE weir SET until = until WHERE key = $1", [key])
                  .then(() => hasRoom = true, () => isFull = true);
              }
            }
          }
        },
        async end() {
          await reader.end();
          rmSync(ballast);
        },
      };
    },
    clear() {
      unmountSmallDisk(folder);
      rmSync(folder, { recursive: true });
    },
  };
}

const hasSmallDisk = !withoutPostgres && mayMountSmallDisk();
if (!hasSmallDisk) console.warn("A full disk is not tried, as only root may make a small one, on Linux");

const FAULTS: readonly Fault[] = [
  {
    fault: "Postgres: frozen (SIGSTOP)",
    outageOf: (postgres) => ({
      begin: () => postgres.signal("SIGSTOP"),
      end: () => postgres.signal("SIGCONT"),
    }),
  },
  {
    fault: "Postgres: stopped and started again",
    outageOf: (postgres) => ({ begin: () => postgres.end("fast"), end: () => postgres.begin() }),
  },
  {
    fault: "Postgres: crashed and started again",
    outageOf: (postgres) => ({ begin: () => postgres.end("immediate"), end: () => postgres.begin() }),
  },
  {
    fault: "Postgres: the table locked by another transaction",
    outageOf: lockedTable,
  },
  {
    fault: "Postgres: every statement too slow",
    outageOf: (postgres) => ({
      begin: () =>
        postgres.query(`DO $do$
          DECLARE called record;
          BEGIN
            FOR called IN SELECT proname AS name, oid::regprocedure AS whole, pg_get_function_identity_arguments(oid) AS words,
                (SELECT string_agg('$' || i, ', ') FROM generate_series(1, pronargs) AS i) AS values
              FROM pg_proc WHERE proname LIKE 'weir_write_%'
            LOOP
              EXECUTE format('ALTER FUNCTION %s RENAME TO %I', called.whole, 'fast_' || called.name);
              EXECUTE format('CREATE FUNCTION %I(%s) RETURNS text LANGUAGE sql
                AS $$ SELECT %I(%s) FROM pg_sleep(${DEADLINE_MS * 1.5 / 1000}) $$',
                called.name, called.words, 'fast_' || called.name, called.values);
            END LOOP;
          END $do$`),
      end: () =>
        postgres.query(`DO $do$
          DECLARE called record;
          BEGIN
            FOR called IN SELECT proname AS name, oid::regprocedure AS whole FROM pg_proc WHERE proname LIKE 'weir_write_%' LOOP
              EXECUTE format('DROP FUNCTION %s', called.whole);
            END LOOP;
            FOR called IN SELECT proname AS name, oid::regprocedure AS whole FROM pg_proc WHERE proname LIKE 'fast_weir_write_%' LOOP
              EXECUTE format('ALTER FUNCTION %s RENAME TO %I', called.whole, substr(called.name, 6));
            END LOOP;
          END $do$`),
    }),
  },
  {
    fault: "Postgres: only reads (a replica, or read-only)",
    outageOf: (postgres) => {
      const set = async (value: string) => {
        await postgres.query(`ALTER ROLE postgres SET default_transaction_read_only = ${value}`);
        await postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`);
      };
      return { begin: () => set("on"), end: () => set("off") };
    },
  },
  ...hasSmallDisk ? [fullDisk()] : [],
];

describe("Postgres fails", { skip: withoutPostgres }, () => {
  const trials = FAULTS.map(({ fault, outageOf, clear }): OutageTrial => ({
    fault,
    expectation: EXPECTATION,
    async prepare() {
      const postgres = await startPostgres();
      const pools: Pool[] = [];
      return {
        outage: outageOf(postgres),
        storeFor(policy) {
          const client = new Pool({
            connectionString: postgres.url,
            max: 4,
            connectionTimeoutMillis: CONNECT_MS,
          });
          client.on("error", () => {});
          pools.push(client);
          return postgresStore({ client, hashKeys: policy, timeoutMs: DEADLINE_MS });
        },
        async clear() {
          await Promise.all(pools.map((pool) => pool.end()));
          await postgres.stop();
          clear?.();
        },
      };
    },
  }));
  itWithstands(trials, 2);
  after(printOutages);
});
