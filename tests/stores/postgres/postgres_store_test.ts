import { assert, assertEquals, assertLessOrEqual, assertRejects, assertThrows } from "@std/assert";
import { after, before, describe, it } from "node:test";
import { Pool } from "pg";
import { type Check, concurrency, createThrottle, fixedWindow, stats, type Store } from "../../../mod.ts";
import { postgresStore, type PostgresStoreOptions, schemaSql } from "../../../src/stores/postgres/mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { inTime } from "../../harness/in_time.ts";
import { lanes } from "../../harness/lanes.ts";
import {
  type Postgres,
  startPgBouncer,
  startPostgres,
  withoutPgBouncer,
  withoutPostgres,
} from "../../harness/postgres.ts";
import { openPglite, type OpenPostgresClient, POSTGRES_CLIENTS } from "../../harness/postgres_clients.ts";
import { pause, until } from "../../harness/until.ts";

/** Generous: what is looked at is verdicts, on a machine that may be busy. */
const timeoutMs = 10_000;

function checkOf(partition: string, own: Partial<Check["policy"]> = {}): Check {
  const policy = { name: "rule", limit: 10, windowMs: 60_000, mode: "enforce" as const, ...own };
  return { key: `${policy.name}:${partition}`, policy, algorithm: fixedWindow(), cost: 1, since: null };
}

describe("postgresStore", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  let pool: Pool;
  before(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 3 });
  });
  after(async () => {
    await pool?.end();
    await postgres?.stop();
  });

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

  describe("behind PgBouncer in transaction mode", { skip: withoutPgBouncer }, () => {
    let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;
    const opened: Promise<OpenPostgresClient>[] = [];
    before(async () => {
      bouncer = await startPgBouncer(postgres);
    });
    after(async () => {
      for (const one of opened) await (await one).close();
      await bouncer?.stop();
    });

    for (const { name, open } of POSTGRES_CLIENTS.filter(({ name }) => !name.includes("HTTP"))) {
      it(`counts exactly with ${name}, over connections that it shares with others`, async () => {
        const clients = [open(bouncer), open(bouncer)];
        opened.push(...clients);
        const stores = (await Promise.all(clients)).map(({ client }) => postgresStore({ client, timeoutMs }));
        let passed = 0;
        for (let round = 0; round < 5; round++) {
          const asked = [checkOf(name, { name: "bouncer", limit: 50 }), checkOf("all", { limit: 999 })];
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, i) => stores[i % 2].decide(asked)),
          );
          passed += answers.filter(([{ allowed }]) => allowed).length;
        }
        assertEquals(passed, 50);
      });
    }
  });

  /**
   * A store on a table of its own that counts its statements, but for those that found its estimate of the server's time a second
   * old: on a machine that pauses it sends such a one again.
   */
  function counted(own: Partial<PostgresStoreOptions> = {}): { store: Store; statements: string[] } {
    const statements: string[] = [];
    const client = {
      async query(text: string, values?: unknown[]) {
        statements.push(text);
        const result = await pool.query(text, values);
        const { answer } = result.rows?.[0] ?? {};
        if (String(answer).includes('"isLate":true')) statements.splice(statements.indexOf(text), 1);
        return result;
      },
    };
    return { store: postgresStore({ client, timeoutMs, ...own }), statements };
  }

  it("takes one statement per decision, whatever its rules and however many are asked at once", async () => {
    const { store, statements } = counted();
    const rules = ["one", "two", "three"].map((name) => checkOf("single", { name }));
    await store.decide(rules);
    statements.length = 0;
    await store.decide(rules);
    assertEquals(statements.length, 1);
    await store.decide([checkOf("never seen before")]);
    assertEquals(statements.length, 2);
    await Promise.all(
      Array.from({ length: 32 }, (_, i) => store.decide([checkOf(`${i % 16}`), checkOf("shared")])),
    );
    assertEquals(statements.length, 3);
    await store.decide([{ ...checkOf("single", { name: "one" }), cost: 99 }]);
    assertEquals(statements.length, 4);
  });

  it("takes one statement more where another instance wrote in between", async () => {
    const [one, other] = [counted(), counted()];
    for (const { store } of [one, other]) await store.decide([checkOf("alternating")]);
    for (const { statements } of [one, other]) statements.length = 0;
    for (let i = 0; i < 3; i++) {
      const [first] = await one.store.decide([checkOf("alternating")]);
      const [second] = await other.store.decide([checkOf("alternating")]);
      assertEquals([first.remaining, second.remaining], [7 - 2 * i, 6 - 2 * i]);
    }
    assertEquals([one.statements.length, other.statements.length], [6, 6]);
  });

  const shared = (...keys: string[]): Check[] => keys.map((key) => checkOf("together", { name: key }));
  const TOGETHER = [
    {
      title: "one rule each",
      asked: [shared("a"), shared("b"), shared("new 1")],
      remaining: [[7], [8], [9]],
    },
    {
      title: "several rules each",
      asked: [shared("a", "new 2"), shared("b", "c"), shared("new 3"), shared("d")],
      remaining: [[7, 9], [8, 8], [9], [8]],
    },
    {
      title: "several rules, and one that only looks",
      asked: [shared("a", "b"), shared("c"), shared("d")].map((checks, i) =>
        checks.map((check) => ({ ...check, cost: i === 1 ? 0 : 1 }))
      ),
      remaining: [[7, 8], [9], [8]],
    },
  ];
  for (const { title, asked, remaining } of TOGETHER) {
    it(`decides once more what lost of a statement, and nothing else of it twice: ${title}`, async () => {
      await pool.query("DELETE FROM weir WHERE key LIKE '%:together'");
      const [one, other] = [counted(), counted()];
      for (const key of ["a", "b", "c", "d"]) await one.store.decide(shared(key));
      await other.store.decide(shared("a"));
      one.statements.length = 0;
      const answers = await Promise.all(asked.map((checks) => one.store.decide(checks)));
      assertEquals(answers.map((decisions) => decisions.map(({ remaining }) => remaining)), remaining);
      assertEquals(one.statements.length, 2);
      const flat = asked.flat().map((check) => ({ ...check, cost: 1 }));
      const kept = await counted().store.decide(flat, false);
      assertEquals(kept.map(({ remaining }) => remaining), remaining.flat());
    });
  }

  it("lets exactly the limit pass of 640 requests, 32 at once from each of two instances, with two retries at most", async () => {
    const instances = [counted(), counted()];
    const hot = checkOf("hot", { limit: 100 });
    for (const { store } of instances) await store.decide([hot], false);
    for (const { statements } of instances) statements.length = 0;
    let passed = 0;
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        Array.from({ length: 64 }, async (_, i) => await instances[i % 2].store.decide([hot])),
      );
      passed += answers.filter(([{ allowed }]) => allowed).length;
    }
    // One finds that the other wrote in the round before, one that it wrote in this one; and the winner writes no more.
    for (const { statements } of instances) assertLessOrEqual(statements.length, 10 * 3);
    assertEquals(passed, 100);
  });

  it("sees at once what an operator deletes by hand", async () => {
    const { store } = counted();
    const asked = [checkOf("reset", { limit: 1 })];
    await store.decide(asked);
    assertEquals((await store.decide(asked))[0].allowed, false);
    await pool.query("DELETE FROM weir WHERE key = 'rule:reset'");
    assertEquals((await store.decide(asked))[0].allowed, true);
  });

  it("forgets a key that others write, also where transactions are SERIALIZABLE by default", async () => {
    const strict = new Pool({
      connectionString: postgres.url,
      max: 3,
      options: "-c default_transaction_isolation=serializable",
    });
    const store = postgresStore({ client: strict, timeoutMs });
    const asked = [checkOf("strict", { limit: 1_000_000 })];
    await store.decide(asked);
    let isOver = false;
    const others = [1, 2].map(async () => {
      const other = postgresStore({ client: pool, timeoutMs });
      while (!isOver) await other.decide(asked);
    });
    for (let i = 0; i < 100; i++) await store.forget!("rule:strict");
    isOver = true;
    await Promise.all(others);
    await store.forget!("rule:strict");
    assertEquals((await store.decide(asked))[0].remaining, 999_999);
    await strict.end();
  });

  it("deletes rows whose time is over as new ones come, also while some are locked, and no others", async () => {
    const { store } = counted({ table: "swept" });
    await store.decide([checkOf("living")]);
    await pool.query(`INSERT INTO swept (key, version, state, until)
      SELECT 'old:' || i, 1, '["fixed-window",[0,1]]', 1000 FROM generate_series(1, 3000) AS i`);
    const other = await pool.connect();
    await other.query("BEGIN; SELECT FROM swept WHERE key = 'old:1' FOR UPDATE");
    const old = async (): Promise<number> =>
      (await pool.query("SELECT count(*)::int AS n FROM swept WHERE key LIKE 'old:%'")).rows[0].n;
    for (let i = 0; await old() > 1 && i < 100; i++) {
      await Promise.all(Array.from({ length: 250 }, (_, n) => store.decide([checkOf(`${i} ${n}`)])));
    }
    await until(async () => await old() === 1);
    await other.query("ROLLBACK");
    other.release();
    assertEquals((await store.decide([checkOf("living")]))[0].remaining, 8);
  });

  it("waits for a row that somebody else has locked no longer than its deadline", async () => {
    await inTime(async (tries) => {
      const { store } = counted({ timeoutMs: 1000 });
      const asked = [checkOf(`locked ${tries}`)];
      await store.decide(asked);
      const other = await pool.connect();
      try {
        await other.query(`BEGIN; UPDATE weir SET until = until WHERE key = 'rule:locked ${tries}'`);
        const throttle = createThrottle({ name: "rule", rate: "10/min" }, {
          store,
          onStoreFailure: "deny",
          client: { address: () => "192.0.2.1" },
        });
        await assertRejects(() => Promise.resolve(store.decide(asked)), Error);
        // Others are decided as ever.
        const { decisions: [{ source }] } = await throttle.check(new Request("https://example.com/"));
        assertEquals(source, "store");
      } finally {
        await other.query("ROLLBACK");
        other.release();
      }
      assertEquals((await store.decide(asked))[0].remaining, 8);
    });
  });

  const FAULTS: readonly (readonly [string, number, string])[] = [
    [
      "somebody else had locked their row for too long",
      3,
      "SELECT FROM weir WHERE key LIKE 'slots/%' FOR UPDATE",
    ],
    ["its pool had no connection left", 1, "SELECT"],
  ];
  for (const [what, max, statement] of FAULTS) {
    it(`gives slots back that were to be free while ${what}`, async () => {
      const own = new Pool({ connectionString: postgres.url, max, connectionTimeoutMillis: 100 });
      const store = postgresStore({ client: own, timeoutMs: 250 });
      const throttle = createThrottle(
        { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: "1h" }) },
        { store, client: { address: () => "192.0.2.1" } },
      );
      const ask = () => throttle.check(new Request("https://example.com/"));
      let asked = [await ask(), await ask(), await ask()];
      // On a busy machine an answer may take longer than the deadline.
      for (let i = 0; i < 10 && asked.some(({ decisions: [{ source }] }) => source !== "store"); i++) {
        await Promise.all(asked.map((outcome) => outcome.label(new Response("done")).text()));
        await pause(1500);
        asked = [await ask(), await ask(), await ask()];
      }
      const other = await own.connect();
      await other.query(`BEGIN; ${statement}`);
      for (const outcome of asked) await outcome.label(new Response("done")).text();
      await pause(750);
      await other.query("ROLLBACK");
      other.release();
      await until(async () => (await throttle.usage("slots", "192.0.2.1")).remaining === 3);
      await own.end();
    });
  }

  it("corrects once where the connection ended beneath the answer, whose error has a code like one of Postgres", async () => {
    let isBroken = false;
    const client = {
      async query(text: string, values?: unknown[]) {
        const result = await pool.query(text, values);
        if (isBroken) throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
        return result;
      },
    };
    const store = postgresStore({ client, timeoutMs, denyCache: false });
    const throttle = createThrottle({ name: "refunds", rate: "3/hour" }, {
      store,
      client: { address: () => "192.0.2.1" },
    });
    const ask = () => throttle.check(new Request("https://example.com/"));
    const [first] = [await ask(), await ask(), await ask()];
    isBroken = true;
    await first.settle("refunds", 0);
    isBroken = false;
    const passed = [await ask(), await ask(), await ask()].map(({ allowed }) => allowed);
    assertEquals(passed, [true, false, false]);
  });

  it("works on a table that schemaSql made, unlogged or in another schema, for a user who may make none", async () => {
    await pool.query(`CREATE SCHEMA limits; CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA limits TO clerk`);
    await pool.query(schemaSql({ table: "limits.weir", unlogged: true }));
    await pool.query(schemaSql({ table: "limits.weir", unlogged: true }));
    await pool.query("GRANT SELECT, INSERT, UPDATE, DELETE ON limits.weir TO clerk");
    const { rows } = await pool.query(
      "SELECT relpersistence FROM pg_class WHERE oid = 'limits.weir'::regclass",
    );
    assertEquals(rows, [{ relpersistence: "u" }]);
    const clerk = new Pool({ connectionString: postgres.url.replace("postgres@", "clerk@"), max: 2 });
    const store = postgresStore({ client: clerk, table: "limits.weir", timeoutMs });
    for (const remaining of [9, 8]) {
      assertEquals((await store.decide([checkOf("a")]))[0].remaining, remaining);
    }
    const elsewhere = postgresStore({ client: clerk, table: "limits.other", timeoutMs });
    await assertRejects(
      () => Promise.resolve(elsewhere.decide([checkOf("a")])),
      Error,
      'Cannot make the table of postgresStore() as its user may not: run schemaSql() by hand: current value is "limits.other"',
    );
    await clerk.end();
  });

  it("stores hashes of partitions where it is given a secret, and gives leased units back when it is closed", async () => {
    const { store } = counted({ table: "hashed", hashKeys: "a secret" });
    await store.decide([checkOf("192.0.2.77")]);
    const { rows } = await pool.query("SELECT key FROM hashed");
    assertEquals(rows.map(({ key }) => /^rule:[0-9a-f]{64}$/.test(key)), [true]);

    const leasing = counted({ table: "leased", lease: 10 });
    const throttle = createThrottle({ name: "rule", rate: "100/hour" }, {
      store: leasing.store,
      client: { address: () => "192.0.2.1" },
    });
    for (let i = 0; i < 40; i++) await throttle.check(new Request("https://example.com/"));
    assert(leasing.statements.length < 30, `${leasing.statements.length} statements`);
    await leasing.store.close?.();
    const plain = createThrottle({ name: "rule", rate: "100/hour" }, {
      store: postgresStore({ client: pool, table: "leased", timeoutMs }),
      client: { address: () => "192.0.2.1" },
    });
    const { decisions: [{ remaining }] } = await plain.check(new Request("https://example.com/"));
    assertEquals(remaining, 59);
  });

  it("refuses options that cannot be used, and statistics that it cannot share", () => {
    const client = { query: () => Promise.resolve({ rows: [] }) };
    const bad: readonly (readonly [object, string])[] = [
      [{}, "client must be able to run a statement, by query or unsafe"],
      [
        { client: "postgres://weir:secret@localhost" },
        "(a client of pg, postgres, Bun, PGlite or Neon): current value is not shown",
      ],
      [{ client, table: 'we"ir' }, "table must be a name of at most 40 letters"],
      [{ client, prefix: "weir" }, "it takes no option but client, table, durable"],
      [{ client, durable: 1 }, "durable must be true or false"],
    ];
    for (const [options, message] of bad) {
      assertThrows(() => postgresStore(options as PostgresStoreOptions), TypeError, message);
    }
    assertThrows(() => schemaSql({ table: "a.b.c" }), TypeError, "table must be a name");
    assertThrows(() => stats({ store: postgresStore({ client }) }), TypeError);
  });
});
