import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import { Client } from "pg";
import type { Store } from "../../../mod.ts";
import { versionedStore } from "../../../src/stores/cas/versioned_store.ts";
import { runnerOf } from "../../../src/stores/postgres/postgres_client.ts";
import { postgresStates } from "../../../src/stores/postgres/postgres_states.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { walkBeside, walks } from "../../harness/walks.ts";

/** A clock of the test's own, which this path of schemas puts before the server's. */
const CLOCK = `CREATE SCHEMA walk;
CREATE FUNCTION walk.clock_timestamp() RETURNS timestamptz LANGUAGE sql
  AS $$ SELECT to_timestamp(current_setting('weir.now')::float8 / 1000) $$`;

describe("postgresStore beside decideChecks over a Map", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  const clients: Client[] = [];
  before(async () => {
    postgres = await startPostgres();
    await postgres.query(CLOCK);
  });
  after(async () => {
    for (const client of clients) await client.end();
    await postgres?.stop();
  });

  let now = 0;
  async function open(): Promise<Store> {
    const client = new Client({
      connectionString: postgres.url,
      options: "-c search_path=walk,pg_catalog,public -c weir.now=0",
    });
    await client.connect();
    clients.push(client);
    const run = runnerOf(client);
    return versionedStore(
      postgresStates({
        // The model forgets nothing: a clock that steps back brings states to life again.
        run: async (text, values) => text.startsWith("WITH seen") ? "" : await run(text, values),
        table: "public.weir",
        durable: false,
        waitMs: 60_000,
        steady: () => now,
      }),
      {
        name: "walked",
        timeoutMs: 600_000,
        denyCache: false,
        hashKeys: null,
        lease: null,
        keyOf: (key) => key,
        forget() {},
      },
    );
  }

  it(
    "agrees in 3,600 random decisions of two instances, with corrections, peeks, shadows, slots, blocks and clocks that step back",
    { timeout: 600_000 },
    async () => {
      const instances = [await open(), await open()];
      let decided = 0;
      async function setTime(time: number): Promise<void> {
        now = time;
        for (const client of clients) {
          await client.query("SELECT set_config('weir.now', $1, false)", [String(time)]);
        }
      }
      const same = fc.asyncProperty(walks, async (walk) => {
        decided += await walkBeside({ instances, setTime }, walk);
      });
      await fc.assert(same, { numRuns: 36, endOnFailure: true });
      assert(decided >= 3600);
      const { rows: [{ count }] } = await postgres.query(
        "SELECT count(*)::int FROM weir WHERE until IS NULL",
      );
      assertEquals(count, 0);
    },
  );
});
