import { assert, assertEquals } from "@std/assert";
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
  /** Was the last answer that the estimate of the server's time was a second old, as on a machine that paused? */
  let wasLate = false;
  before(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 3 });
    const plain = runnerOf(pool);
    const run: typeof plain = async (...statement) => {
      const answer = await plain(...statement);
      wasLate = String(answer).includes('"isLate":true');
      return answer;
    };
    states = postgresStates({ run, table: "weir", durable: true, waitMs: 10_000 });
  });
  after(async () => {
    await pool?.end();
    await postgres?.stop();
  });

  /** Gives each key this state, upon the versions that are known; one call for all keys. */
  async function changes(keys: readonly string[], state: string): Promise<() => Promise<boolean>> {
    const { states: read } = await states.read(keys);
    const own = keys.map((key, i): StateChange => (
      { key, version: read[i]?.version ?? null, state: [state], ttlMs: 60_000 }
    ));
    return () => inTime(own, 0);
  }

  /** Writes, again where that came too late: then nothing was done. */
  async function inTime(own: readonly StateChange[], lost: number): Promise<boolean> {
    for (;;) {
      const { now } = await states.read(own.map(({ key }) => key));
      const isWritten = await states.write(own, now, lost);
      if (isWritten || !wasLate) return isWritten;
    }
  }

  for (
    const [what, keys, one] of [
      ["every row", ["w", "x", "y", "z"], "the middle one"],
      ["each of few rows", ["x", "y", "z"], "the middle one"],
      ["each of few rows", ["x", "y", "z"], "the first one"],
      ["each of few rows", ["x", "y", "z"], "the last one"],
      ["the only row", ["y"], "it"],
    ] as const
  ) {
    it(`leave ${what} of a call as it was where another instance has written ${one}`, async () => {
      const other = one === "the first one" ? "x" : one === "the last one" ? "z" : "y";
      await (await changes(["x", "y", "z"], "old"))();
      const rows = async () =>
        (await pool.query("SELECT key, version, state, until FROM weir WHERE key IN ('w', 'x', 'y', 'z')"))
          .rows
          .sort((a, b) => a.key < b.key ? -1 : 1);
      const write = await changes(keys, "new");
      await pool.query("UPDATE weir SET version = 7 WHERE key = $1", [other]);
      const before = await rows();
      const again = await changes(["x", "y", "z"].filter((key) => key !== other), "newest");
      assertEquals(await write(), false);
      const after = await rows();
      const withoutTime = (all: typeof before) => all.map(({ until: _, ...row }) => row);
      assertEquals(withoutTime(after), withoutTime(before));
      for (const [i, { until }] of after.entries()) assert(Number(until) >= Number(before[i].until));
      // The states known from before are still right.
      assertEquals(await again(), true);
    });
  }

  for (const [count, rows] of [[1, "one row"], [2, "two rows"], [3, "three"], [4, "four"]] as const) {
    it(`write ${rows} of which this instance has claimed one, and none where another has`, async () => {
      const keys = ["a", "b", "c", "d"].slice(0, count).map((key) => `${key} of ${count}`);
      const last = keys[count - 1];
      const isState = async (state: string) => {
        const { rows } = await pool.query("SELECT state FROM weir WHERE key = ANY ($1)", [keys]);
        assertEquals(rows, keys.map(() => ({ state: [state] })));
      };
      await (await changes(keys, "old"))();
      // Upon a version that does not stand, for the second time: that claims the row.
      const { states: [read] } = await states.read([last]);
      await pool.query("UPDATE weir SET version = 8 WHERE key = $1", [last]);
      const stale = { key: last, version: read!.version, state: ["stale"], ttlMs: 60_000 };
      assertEquals(await inTime([stale], 1), false);
      await pool.query("UPDATE weir SET claim_until = claim_until + 60000 WHERE key = $1", [last]);
      assertEquals(await (await changes(keys, "of its own"))(), true);
      await isState("of its own");
      await pool.query(
        "UPDATE weir SET claim_until = extract(epoch FROM now()) * 1000 + 60000 WHERE key = $1",
        [last],
      );
      await pool.query("UPDATE weir SET claimant = claimant + 1 WHERE key = $1", [last]);
      assertEquals(await (await changes(keys, "of another"))(), false);
      await isState("of its own");
    });
  }

  it("write keys and states that hold what ends a literal", async () => {
    const keys = ["$", "$$ and $weir0$", "$1, 'x'); --"].sort();
    for (const count of [1, 3]) {
      for (const state of ["plain", "$$", "$weir0$ and $$", `'"\\ E'\\' $1 \n`]) {
        assertEquals(await (await changes(keys.slice(0, count), state))(), true);
        const { rows } = await pool.query("SELECT state FROM weir WHERE key = ANY ($1)", [
          keys.slice(0, count),
        ]);
        assertEquals(rows.map((row) => row.state), keys.slice(0, count).map(() => [state]));
      }
    }
  });

  it("write as many rows as there are, few or more", async () => {
    const keys = ["m", "n", "o", "p", "q"];
    for (let count = 1; count <= keys.length; count++) {
      const own = keys.slice(0, count);
      for (const state of ["made", "changed"]) {
        assertEquals(await (await changes(own, `${state} ${count}`))(), true);
        const { rows } = await pool.query("SELECT state FROM weir WHERE key = ANY ($1)", [own]);
        assertEquals(rows, own.map(() => ({ state: [`${state} ${count}`] })));
      }
    }
  });

  for (const by of ["a call", "a probe"]) {
    it(`make the functions anew where one is missing, by ${by}`, async () => {
      const key = `made by ${by}`;
      await (await changes([key], "old"))();
      const write = await changes([key], "new");
      const { rows } = await pool.query(
        "SELECT oid::regprocedure AS name FROM pg_proc WHERE proname ~ '^weir_write_'",
      );
      assertEquals(rows.length, 2);
      for (const { name } of rows) {
        await pool.query(`DROP FUNCTION ${name}`);
        if (by === "a probe") await states.probe();
        else assertEquals(await (await changes([key], `without ${name}`))(), true);
      }
      assertEquals(await write(), by === "a probe");
      const { rows: made } = await pool.query("SELECT FROM pg_proc WHERE proname ~ '^weir_write_'");
      assertEquals(made.length, 2);
    });
  }

  it("wait for a locked row, and take nothing of a call that finds it changed", async () => {
    await (await changes(["r", "s"], "old"))();
    const write = await changes(["r", "s"], "new");
    const other = await pool.connect();
    await other.query("BEGIN");
    await other.query("UPDATE weir SET version = 9 WHERE key = 's'");
    const written = write();
    await other.query("SELECT pg_sleep(0.05)");
    await other.query("COMMIT");
    other.release();
    assertEquals(await written, false);
    const { rows } = await pool.query("SELECT state FROM weir WHERE key IN ('r', 's')");
    assertEquals(rows, [{ state: ["old"] }, { state: ["old"] }]);
  });

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
