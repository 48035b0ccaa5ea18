import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import {
  type Check,
  createThrottle,
  fixedWindow,
  type MaybePromise,
  type StateRows,
  type Store,
  transactionStore,
  type TransactionStoreOptions,
} from "../../mod.ts";
import { checkReader, questionOf } from "../../src/stores/durable_object/wire.ts";
import { manualClock } from "../../src/testing/mod.ts";
import { slotsLeft } from "../harness/slots_left.ts";
import { sqliteFolder } from "../harness/sqlite.ts";
import { sqliteStore } from "../../src/stores/sqlite/mod.ts";
import { pause } from "../harness/until.ts";
import { forwardWalks, longLogs, modelStore, type Walk, walkBeside, walks } from "../harness/walks.ts";

/** On a busy machine; Bun's own limit is 5 s. */
const LONG = { timeout: 600_000 };

/** Rows in a Map, and all that was done with them. */
function rowsOf(clock: () => number, isAsync = false) {
  const table = new Map<string, { text: string; expiresAt: number }>();
  const done: string[] = [];
  function act<T>(what: string, value: T): MaybePromise<T> {
    done.push(what);
    return isAsync ? new Promise((resume) => setImmediate(() => resume(value))) : value;
  }
  const rows: StateRows = {
    load: (key) => act(`load ${key}`, table.get(key)?.text),
    save: (key, text, expiresAt) => act(`save ${key}`, table.set(key, { text, expiresAt })),
    remove: (key) => act(`remove ${key}`, table.delete(key)),
    now: () => act("now", clock()),
  };
  return { table, done, rows };
}

function checkOf(key: string, limit = 3): Check {
  const policy = { name: key.replace(/:.*/, ""), limit, windowMs: 60_000, mode: "enforce" as const };
  return { key, policy, algorithm: fixedWindow(), cost: 1, since: null };
}

/** An error by which a driver of PostgreSQL says that another transaction was first. */
const lostRace = () => Object.assign(new Error("could not serialize access"), { code: "40001" });

/** Walks through a store of this process beside the model. */
async function compare(storeOf: (clock: () => number) => Store, walk: Walk): Promise<void> {
  let now = 0;
  await walkBeside({ instances: [storeOf(() => now)], setTime: (time) => now = time }, walk);
}

describe("decideChecks in transactions", () => {
  const overMap = (isAsync: boolean) => (clock: () => number) => {
    const { rows } = rowsOf(clock, isAsync);
    return transactionStore({ transact: (run) => run(rows), timeoutMs: 60_000 });
  };
  const CASES: readonly (readonly [string, (clock: () => number) => Store, fc.Arbitrary<Walk>, number])[] = [
    ["rows that are here", overMap(false), walks, 100],
    ["long logs in rows that are here", overMap(false), longLogs, 50],
    ["rows that are promised, several questions at once", overMap(true), walks, 100],
  ];
  for (const [name, storeOf, arbitrary, numRuns] of CASES) {
    it(`agrees with the model in ${numRuns} random walks: ${name}`, LONG, async () => {
      await fc.assert(fc.asyncProperty(arbitrary, (walk) => compare(storeOf, walk)), { numRuns });
    });
  }

  it(
    "agrees with the model in 100 random walks: SQLite, which removes rows that are over",
    LONG,
    async () => {
      const folder = sqliteFolder();
      const database = folder.open();
      let tables = 0;
      database.exec("PRAGMA synchronous = OFF");
      // A state that is over means nothing under the limit that it was made with, and the row of one may be removed.
      const property = fc.asyncProperty(
        forwardWalks,
        (walk) => compare((clock) => sqliteStore({ database, table: `walk_${++tables}`, clock }), walk),
      );
      try {
        await fc.assert(property, { numRuns: 100 });
      } finally {
        folder.clear();
      }
    },
  );

  it(
    "agrees with the model in 100 random walks: algorithms that went to a Durable Object as JSON",
    LONG,
    async () => {
      const read = checkReader([]);
      const overWire = (clock: () => number): Store => {
        const store = modelStore(clock);
        return {
          shared: false,
          decide(checks, spend = true) {
            const question = JSON.parse(JSON.stringify(questionOf(checks, spend)));
            return store.decide(
              read(question.checks).map((check, i) => ({ ...check, key: checks[i].key })),
              spend,
            );
          },
        };
      };
      await fc.assert(fc.asyncProperty(walks, (walk) => compare(overWire, walk)), {
        numRuns: 100,
      });
    },
  );
});

describe("transactionStore", () => {
  const clock = manualClock();

  it("loads all rows in the order of their keys, then reads the clock, then saves what changed", () => {
    const { rows, done } = rowsOf(clock);
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    store.decide([checkOf("b:1"), checkOf("a:2"), checkOf("a:1")]);
    assertEquals(done, ["load 1:a", "load 1:b", "load 2:a", "now", "save 1:a", "save 1:b", "save 2:a"]);
    done.length = 0;
    store.decide([checkOf("b:1"), checkOf("a:2"), checkOf("a:1")], false);
    assertEquals(done, ["load 1:a", "load 1:b", "load 2:a", "now"]);
  });

  it("gives each row a time to be removed, a second after the end of its state", () => {
    const { rows, table } = rowsOf(clock);
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    store.decide([checkOf("a:1")]);
    assertEquals(table.get("1:a")!.expiresAt, clock() + 60_000 + 1000);
  });

  it("names rows by ASCII keys as they are, and by others as JSON", () => {
    const { rows, table } = rowsOf(clock);
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    const KEYS = ["a:plain", 'a:"', "a:é", "a:\0", "a:\ud800", '"a:é"'];
    for (const key of KEYS) store.decide([checkOf(key)]);
    assertEquals([...table.keys()], [
      "plain:a",
      '"\\":a"',
      '"é:a"',
      '"\\u0000:a"',
      '"\\ud800:a"',
      '"é\\":\\"a"',
    ]);
  });

  it("decides questions that come while a transaction is under way in the next one, together", async () => {
    const { rows, done } = rowsOf(clock, true);
    let transactions = 0;
    const store = transactionStore({
      async transact(run) {
        transactions++;
        return await run(rows);
      },
      timeoutMs: 60_000,
    });
    const asked = Array.from({ length: 30 }, () => store.decide([checkOf("hot:1", 5), checkOf("all:1", 90)]));
    const answers = await Promise.all(asked);
    assertEquals(answers.map(([{ allowed }]) => allowed), answers.map((_, i) => i < 5));
    assertEquals(transactions, 2);
    assertEquals(done.filter((what) => what.startsWith("save 1:hot")).length, 2);
    const left = await store.decide([checkOf("all:1", 90)]);
    assertEquals(left[0].remaining, 84);
  });

  it("tries a lost race again, and decides what came meanwhile with it", async () => {
    const { rows } = rowsOf(clock);
    let losses = 3;
    let transactions = 0;
    const store = transactionStore({
      transact(run) {
        transactions++;
        if (losses-- > 0) throw lostRace();
        return run(rows);
      },
      timeoutMs: 60_000,
    });
    const answers = Array.from({ length: 10 }, () => store.decide([checkOf("a:1")]));
    assertEquals((await answers[9])[0].allowed, false);
    assert(Array.isArray(store.decide([checkOf("a:1")])), "answers at once when there is no race");
    assertEquals((await Promise.all(answers)).filter(([{ allowed }]) => allowed).length, 3);
    assertEquals(transactions, 5);
  });

  it("gives up a race that is lost for as long as timeoutMs, and says why", async () => {
    const { rows, table } = rowsOf(clock);
    let tries = 0;
    let isLost = true;
    const store = transactionStore({
      transact(run) {
        tries++;
        if (isLost) throw lostRace();
        return run(rows);
      },
      timeoutMs: 500,
    });
    const { now } = performance;
    let ms = 0;
    // However long a machine pauses between two tries.
    performance.now = () => ms += 10;
    const error = await assertRejects(
      async () => await store.decide([checkOf("a:1")]),
      Error,
      "busy for 500 ms",
    ).finally(() => performance.now = now);
    assertEquals((error.cause as { code: string }).code, "40001");
    assert(tries > 1 && tries < 60, `${tries}`);
    isLost = false;
    assertEquals((await store.decide([checkOf("a:1")]))[0].remaining, 2);
    assertEquals(table.size, 1);
  });

  it("fails at once where an error is no lost race, by a promise or without one", async () => {
    const failing = (fail: () => never) =>
      transactionStore({ transact: fail as never, isLostRace: () => false });
    const throws = () => {
      throw lostRace();
    };
    assertThrows(() => failing(throws).decide([checkOf("a:1")]), Error, "serialize");
    const rejects = (async () => await Promise.reject(lostRace())) as never;
    await assertRejects(async () => await failing(rejects).decide([checkOf("a:1")]), Error, "serialize");
  });

  it("takes an error on which isLostRace itself fails for no lost race, also of questions that waited", async () => {
    const { rows } = rowsOf(clock);
    let tries = 0;
    const store = transactionStore({
      async transact(run) {
        await new Promise((resume) => setImmediate(resume));
        if (++tries > 1) throw new Error("connection ended");
        return run(rows);
      },
      isLostRace: (error) => (error as { code: string }).code.startsWith("40"),
      timeoutMs: 60_000,
    });
    const asked = await Promise.allSettled(["a:1", "b:1", "c:1"].map((key) => store.decide([checkOf(key)])));
    assertEquals(asked.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
    assertEquals((asked[2] as PromiseRejectedResult).reason.message, "connection ended");
  });

  /** Three slots are taken and given back while transactions fail. */
  async function leftAfter(
    fault: (run: () => Promise<unknown>, table: Map<string, unknown>) => Promise<unknown>,
  ): Promise<number> {
    const { rows, table } = rowsOf(clock, true);
    let isFailing = false;
    const store = transactionStore({
      transact: (async (run: (rows: StateRows) => Promise<unknown>) =>
        isFailing
          ? await fault(async () => await run(rows), table)
          : await run(rows)) as never,
      timeoutMs: 60_000,
    });
    return await slotsLeft(store, (now) => isFailing = now);
  }
  const failed = () => Promise.reject(new Error("connection refused"));

  it("makes corrections later whose transaction failed before its commit", async () => {
    assertEquals(await leftAfter(failed), 3);
    const left = await leftAfter(async (run, table) => {
      const before = [...table];
      await run();
      for (const [key, row] of before) table.set(key, row);
      return failed();
    });
    assertEquals(left, 0, "nobody knows what came of a commit");
  });

  it("lets no transaction end that has failed before, as by a time limit", async () => {
    const ends: string[] = [];
    const left = await leftAfter((run) => {
      run().then(() => ends.push("committed"), ({ name }: Error) => ends.push(name));
      return failed();
    });
    assertEquals([left, ends], [3, ["NotDecided", "NotDecided", "NotDecided"]]);
  });

  it("asks a thenable once, as that may run a transaction for each who asks", async () => {
    const { rows } = rowsOf(clock);
    const store = transactionStore({
      transact: (run) => ({ then: (resume: (value: unknown) => void) => resume(run(rows)) }) as never,
    });
    const left = [];
    for (let i = 0; i < 3; i++) left.push((await store.decide([checkOf("a:1")]))[0].remaining);
    assertEquals(left, [2, 1, 0]);
  });

  it("fails one question where one rule's algorithm fails, and names the rule", async () => {
    const { rows, table } = rowsOf(clock, true);
    const store = transactionStore({ transact: (run) => run(rows), timeoutMs: 60_000 });
    const broken: Check = {
      ...checkOf("broken:1"),
      algorithm: {
        step() {
          throw new Error("out of order");
        },
      },
    };
    const asked = [[checkOf("a:1")], [checkOf("b:1"), broken], [checkOf("a:1")]].map((checks) =>
      store.decide(checks)
    );
    const [first, second, third] = await Promise.allSettled(asked);
    assertEquals([first.status, second.status, third.status], ["fulfilled", "rejected", "fulfilled"]);
    const { name, rule, message } = (second as PromiseRejectedResult).reason;
    assertEquals([name, rule, message], [
      "RuleError",
      "broken",
      'The step of rule "broken" failed: out of order',
    ]);
    assertEquals([...table.keys()], ["1:a"]);
  });

  it("goes on without a transaction that is never heard of again", async () => {
    const { rows } = rowsOf(clock);
    let hangs = true;
    const store = transactionStore({
      transact: (run) => hangs ? new Promise(() => {}) : run(rows),
      timeoutMs: 20,
      shared: false,
    });
    const throttle = createThrottle("5/min", {
      store,
      client: { address: () => "192.0.2.1" },
      onStoreFailure: "deny",
    });
    const ask = async () => (await throttle.check(new Request("https://example.com/"))).allowed;
    assertEquals(await ask(), false);
    hangs = false;
    await pause(60);
    assertEquals(await ask(), true);
  });

  it("takes a row that somebody else wrote for none", async () => {
    const { rows, table } = rowsOf(clock);
    table.set("1:a", { text: "{nonsense", expiresAt: 0 });
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    assertEquals((await store.decide([checkOf("a:1")]))[0].remaining, 2);
  });

  it("fails where load gives no text, and takes no state for none", async () => {
    const { rows } = rowsOf(clock);
    const parsed = { ...rows, load: () => ["fixed-window", [0, 1]] as never };
    const store = transactionStore({ transact: (run) => run(parsed), shared: false });
    await assertRejects(
      async () => await store.decide([checkOf("a:1")]),
      TypeError,
      'load must give the text that was saved, or null: current value is ["fixed-window",[0,1]]',
    );
  });

  it("says so where transact does not return what run gives", async () => {
    const { rows } = rowsOf(clock);
    const forgets: readonly TransactionStoreOptions["transact"][] = [
      ((run) => void run(rows)) as TransactionStoreOptions["transact"],
      (async (run) => void await run(rows)) as TransactionStoreOptions["transact"],
    ];
    for (const transact of forgets) {
      const { decide, forget } = transactionStore({ transact, shared: false });
      const why = "transact must return what run gives: current value is undefined";
      await assertRejects(async () => await decide([checkOf("a:1")]), TypeError, why);
      await assertRejects(async () => await forget!("a:1"), TypeError, why);
    }
  });

  it("refuses options that cannot be used, and a clock that gives no number", () => {
    assertThrows(() => transactionStore({} as never), TypeError, "transact must be a function");
    const { rows } = rowsOf(() => NaN);
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    assertThrows(
      () => store.decide([checkOf("a:1")]),
      RangeError,
      "finite number of ms: current value is NaN",
    );
  });
});
