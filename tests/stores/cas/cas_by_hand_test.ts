import { after, before, describe, it } from "node:test";
import { Pool } from "pg";
import { casStore, type Store } from "../../../mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { lanes } from "../../harness/lanes.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";

/** A store over casStore on plain SQL, as somebody who has read docs/databases.md alone would write it. */
function sqlStore(pool: Pool): Store {
  // As JSON, any text is well-formed UTF-8 without NUL; long text has no place in an index.
  const keyOf = (key: string): string => key.length < 500 ? JSON.stringify(key) : `#${hash(key)}`;

  return casStore({
    timeoutMs: 10_000,
    async read(keys) {
      const { rows } = await pool.query(
        `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
          (SELECT json_object_agg(key, json_build_array(state, version)) FROM limits WHERE key = ANY ($1)) AS found`,
        [keys.map(keyOf)],
      );
      const [{ now, found }] = rows;
      const states = keys.map((key) => {
        const [state, version] = found?.[keyOf(key)] ?? [];
        return version === undefined ? null : { state, version };
      });
      return { now: Number(now), states };
    },
    async write(changes, now) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        for (const { key, version, state, ttlMs } of changes) {
          const values = [keyOf(key), version, JSON.stringify(state ?? null), now + ttlMs];
          const { rowCount } = await client.query(
            statementFor(version, state),
            values.slice(0, state === undefined ? 2 : 4),
          );
          if (rowCount === 1 || (version === null && state === undefined)) continue;
          await client.query("ROLLBACK");
          return false;
        }
        await client.query("COMMIT");
        return true;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    async forget(key) {
      await pool.query("DELETE FROM limits WHERE key = $1", [keyOf(key)]);
    },
  });
}

/** A forgotten key is a row whose state is null; a version comes from one sequence, so it never comes again. */
function statementFor(version: unknown, state: unknown): string {
  if (state === undefined) return "SELECT FROM limits WHERE key = $1 AND version = $2::bigint FOR UPDATE";
  return version === null
    ? `INSERT INTO limits (key, state, until) SELECT $1, $3::json, $4 WHERE $2::bigint IS NULL ON CONFLICT DO NOTHING`
    : `UPDATE limits SET version = nextval('limits_version_seq'), state = $3, until = $4
        WHERE key = $1 AND version = $2::bigint`;
}

/** Good enough for the few long keys here. */
function hash(text: string): string {
  let sum = 7n;
  for (let i = 0; i < text.length; i++) {
    sum = BigInt.asUintN(256, sum * 1_000_003n + BigInt(text.charCodeAt(i)));
  }
  return sum.toString(36);
}

describe("a store over casStore on plain SQL, written by hand", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  let pool: Pool;
  before(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 4 });
    await pool.query(
      "CREATE TABLE limits (key text PRIMARY KEY, version bigserial, state json, until bigint)",
    );
  });
  after(async () => {
    await pool?.end();
    await postgres?.stop();
  });
  const inLane = lanes(8);
  for (const { name, run } of storeBehaviours) it(name, inLane(() => run({ open: () => sqlStore(pool) })));
});
