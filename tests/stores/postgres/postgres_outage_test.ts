import { assertEquals, assertLessOrEqual } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { Client, Pool } from "pg";
import type { FailurePolicy } from "../../../mod.ts";
import { postgresStore } from "../../../src/stores/postgres/mod.ts";
import { lanes } from "../../harness/lanes.ts";
import {
  faultTable,
  LIMIT,
  type Observation,
  type Outage,
  runOutage,
  TRIED,
  USED,
  watchTimers,
} from "../../harness/outage.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";

/** The ways in which Postgres fails, under load, for every policy. */

/** WEIR_TABLE=1 measures the default alone on a machine, and prints the table; beside other tests even a good answer may take longer. */
const IS_MEASURED = Boolean(process.env.WEIR_TABLE);
const DEADLINE_MS = IS_MEASURED ? 250 : 1000;
const PROBE_MS = 1000;
/** How much longer something may take than it is to take: less than a second deadline, or a second probe, would. */
const SLACK_MS = IS_MEASURED ? 50 : 750;
/** How long a client waits for a connection, in ms. */
const CONNECT_MS = IS_MEASURED ? 1000 : 5000;

interface Expectation {
  /** May charges be lost or made that nobody heard of? */
  readonly mayCharge?: boolean;
}

const rows: [string, readonly Observation[]][] = [];

function expect(
  observations: readonly Observation[],
  timersLateBy: number,
  { mayCharge = false }: Expectation,
): void {
  const left = LIMIT - USED;
  const EXPECTED: Record<FailurePolicy, [number, string, number[]]> = {
    local: [left, "local", [429]],
    allow: [TRIED, "allowed-by-policy", []],
    deny: [0, "denied-by-policy", [503]],
  };
  for (const seen of observations) {
    const [admitted, source, statuses] = EXPECTED[seen.policy];
    assertEquals([seen.policy, seen.admitted, seen.sources, seen.statuses], [
      seen.policy,
      admitted,
      [source],
      statuses,
    ]);
    assertLessOrEqual(seen.p99, DEADLINE_MS + SLACK_MS + timersLateBy, `p99 under ${seen.policy}`);
    assertLessOrEqual(
      seen.returned,
      PROBE_MS + DEADLINE_MS + CONNECT_MS + 2 * SLACK_MS + timersLateBy,
      `return under ${seen.policy}`,
    );
    if (mayCharge) assertLessOrEqual(seen.admittedAfter, left);
    else assertEquals(seen.admittedAfter, left, `${seen.policy}: a fault charges nothing`);
    // Connections that break one by one, on a machine that may be busy, can make two outages of one.
    assertLessOrEqual(seen.states.length, 4);
    assertEquals([seen.states[0], seen.states.at(-1)], ["failing", "healed"]);
  }
}

interface Trial {
  readonly fault: string;
  readonly expectation?: Expectation;
  readonly folder?: string;
  readonly outageOf: (postgres: Postgres) => Outage;
  clear?(): unknown;
}

/** A file system of 100 MB for the server's data: only root may make one. */
function smallDisk(): string | null {
  if (process.getuid?.() !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), "weir-small-"));
  const made = spawnSync("mount", [
    "-t",
    "tmpfs",
    "-o",
    "size=8m,uid=65534,gid=65534,mode=700",
    "none",
    folder,
  ]);
  if (made.status === 0) return folder;
  rmSync(folder, { recursive: true });
  return null;
}

const small = withoutPostgres ? null : smallDisk();
if (small === null) {
  console.warn("tests/stores/postgres/postgres_outage_test.ts cannot fill a disk here: it needs root");
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

function fullDisk(folder: string): (postgres: Postgres) => Outage {
  const ballast = join(folder, "ballast");
  return (postgres) => {
    const reader = new Client({ connectionString: postgres.url });
    reader.on("error", () => {});
    return {
      async begin() {
        // The table alone is on the full disk: where the server's log is on it too, the server ends instead.
        await postgres.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
        await postgres.query("ALTER TABLE weir SET TABLESPACE small");
        // Whoever reads an old snapshot keeps dead rows from being removed: then each charge needs new space.
        await reader.connect();
        await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM weir");
        spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k"]);
        // Each row, the shortest last, takes what room there is on the pages, until a write of it fails. In a statement of its
        // own: the rows that a failed statement has written are removed at once.
        const { rows } = await postgres.query("SELECT key FROM weir ORDER BY pg_column_size(weir.*) DESC");
        for (const { key } of rows) {
          for (let isFull = false; !isFull;) {
            await postgres.query("UPDATE weir SET until = until WHERE key = $1", [key])
              .catch(() => isFull = true);
          }
        }
      },
      async end() {
        await reader.end();
        rmSync(ballast);
      },
    };
  };
}

const TRIALS: readonly Trial[] = [
  {
    fault: "Postgres: frozen (SIGSTOP)",
    expectation: { mayCharge: true },
    outageOf: (postgres) => ({
      begin: () => postgres.signal("SIGSTOP"),
      end: () => postgres.signal("SIGCONT"),
    }),
  },
  {
    fault: "Postgres: stopped and started again",
    expectation: { mayCharge: true },
    outageOf: (postgres) => ({ begin: () => postgres.end("fast"), end: () => postgres.begin() }),
  },
  {
    fault: "Postgres: crashed and started again",
    expectation: { mayCharge: true },
    outageOf: (postgres) => ({ begin: () => postgres.end("immediate"), end: () => postgres.begin() }),
  },
  {
    fault: "Postgres: the table locked by another transaction",
    expectation: { mayCharge: true },
    outageOf: lockedTable,
  },
  {
    fault: "Postgres: every statement too slow",
    expectation: { mayCharge: true },
    outageOf: (postgres) => ({
      begin: () =>
        postgres.query(`BEGIN; ALTER FUNCTION weir_write_1(json) RENAME TO weir_fast;
          CREATE FUNCTION weir_write_1(asked json) RETURNS text LANGUAGE sql
            AS $$ SELECT weir_fast(asked) FROM pg_sleep(${DEADLINE_MS * 1.5 / 1000}) $$; COMMIT`),
      end: () =>
        postgres.query(`BEGIN; DROP FUNCTION weir_write_1(json);
          ALTER FUNCTION weir_fast(json) RENAME TO weir_write_1; COMMIT`),
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
    expectation: { mayCharge: true },
  },
  ...(small === null ? [] : [{
    fault: "Postgres: disk full",
    outageOf: fullDisk(small),
    clear() {
      spawnSync("umount", [small]);
      rmSync(small, { recursive: true });
    },
    expectation: { mayCharge: true },
  }]),
];

describe("Postgres fails", { skip: withoutPostgres }, () => {
  const inLane = lanes(IS_MEASURED ? 1 : 2);
  const tests = TRIALS.map(({ fault, expectation = {}, folder, outageOf, clear }) =>
    inLane(async () => {
      const postgres = await startPostgres([], folder);
      const pools: Pool[] = [];
      try {
        const timers = watchTimers();
        const observations = await runOutage(outageOf(postgres), (policy) => {
          const client = new Pool({
            connectionString: postgres.url,
            max: 4,
            connectionTimeoutMillis: CONNECT_MS,
          });
          client.on("error", () => {});
          pools.push(client);
          return postgresStore({ client, hashKeys: policy, timeoutMs: DEADLINE_MS });
        });
        rows.push([fault, observations]);
        expect(observations, timers.lateBy(), expectation);
      } finally {
        await Promise.all(pools.map((pool) => pool.end()));
        await postgres.stop().catch(() => {}); // a mounted folder stays
        clear?.();
      }
    })
  );
  TRIALS.forEach(({ fault }, i) => it(`${fault}: one path, whatever the policy`, tests[i]));
  after(() => {
    if (IS_MEASURED && rows.length > 0) console.log(`\n${faultTable(rows)}\n`);
  });
});
