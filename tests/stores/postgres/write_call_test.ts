import { assertEquals } from "@std/assert";
import { after, before, describe, it } from "node:test";
import { Pool } from "pg";
import type { StateChange } from "../../../src/stores/cas/versioned_states.ts";
import { runnerOf } from "../../../src/stores/postgres/postgres_client.ts";
import { type PostgresStates, postgresStates } from "../../../src/stores/postgres/postgres_states.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";

describe("calls of the function that writes states", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  let pool: Pool;
  let states: PostgresStates;
  before(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 3 });
    states = postgresStates({ run: runnerOf(pool), table: "weir", durable: true, waitMs: 10_000 });
  });
  after(async () => {
    await pool?.end();
    await postgres?.stop();
  });

  /** Gives each key this state, upon the versions that are known; one call for all keys. */
  async function changes(keys: readonly string[], state: string): Promise<() => Promise<boolean>> {
    const { now, states: read } = await states.read(keys);
    const own = keys.map((key, i): StateChange => (
      { key, version: read[i]?.version ?? null, state: [state], ttlMs: 60_000 }
    ));
    return () => Promise.resolve(states.write(own, now, 0));
  }

  for (
    const [what, one, other] of [["two rows each", ["a", "b"], ["b", "c"]], ["one row and two", ["d"], [
      "d",
      "e",
    ]]]
  ) {
    it(`keep a version for one of two calls in one statement about ${what}`, async () => {
      const all = [...new Set([...one, ...other])].sort();
      await (await changes(all, "old"))();
      const writes = [await changes(one as string[], "one"), await changes(other as string[], "other")];
      // Asked for at the same moment, they are one statement.
      assertEquals(await Promise.all(writes.map((write) => write())), [true, false]);
      const { states: kept } = await states.read(all);
      assertEquals(
        kept.map((row) => row?.state),
        all.map((key) => [one.includes(key) ? "one" : "old"]),
      );
    });
  }
});
