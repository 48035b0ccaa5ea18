import { after, before, describe, it } from "node:test";
import { postgresStore } from "../../../src/stores/postgres/mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { lanes } from "../../harness/lanes.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";
import { openPglite, type OpenPostgresClient, POSTGRES_CLIENTS } from "../../harness/postgres_clients.ts";

/** Generous: what is looked at is verdicts, on a machine that may be busy. */
const timeoutMs = 10_000;

describe("postgresStore", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres?.stop());

  for (const { name, open } of [...POSTGRES_CLIENTS, { name: "PGlite", open: openPglite }]) {
    describe(`with ${name}`, () => {
      // PGlite is one thread, and no faster where more is asked of it at once.
      const inLane = lanes(name === "PGlite" ? 4 : 8);
      let opened: Promise<OpenPostgresClient> | null = null;
      after(async () => (await opened)?.close());
      for (const { name, run } of storeBehaviours) {
        const test = async () => {
          const { client } = await (opened ??= open(postgres));
          await run({ open: () => postgresStore({ client, timeoutMs }) });
        };
        it(name, inLane(test));
      }
    });
  }
});
