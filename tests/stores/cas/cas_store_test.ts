import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import {
  type Algorithm,
  casStore,
  type CasStoreOptions,
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  slidingLog,
  slidingWindow,
  type StateChange,
  type StatesRead,
  type Store,
  type VersionedStates,
} from "../../../mod.ts";
import { manualClock, storeBehaviours } from "../../../src/testing/mod.ts";
import { slotsLeft } from "../../harness/slots_left.ts";
import { pause } from "../../harness/until.ts";
import { walkBeside, walks } from "../../harness/walks.ts";

/** Rows of a database that compares versions, and what it was asked. */
interface Database extends VersionedStates {
  readonly rows: Map<string, { state: string; version: number; until: number }>;
  /** The number of reads, of writes, and of those that were refused. */
  readonly counts: { reads: number; writes: number; lost: number };
  /** Changes a row behind everybody's back, so that whoever has read it loses. */
  touch(key: string): void;
}

function newDatabase(clock: () => number): Database {
  const rows: Database["rows"] = new Map();
  const counts = { reads: 0, writes: 0, lost: 0 };
  let versions = 0;
  function read(keys: readonly string[]): StatesRead {
    counts.reads++;
    assertEquals(keys, [...new Set(keys)].sort());
    const states = keys.map((key) => {
      const row = rows.get(key);
      return row === undefined ? null : { state: JSON.parse(row.state), version: row.version };
    });
    return { now: clock(), states };
  }
  function write(changes: readonly StateChange[], now: number): boolean {
    counts.writes++;
    const stand = changes.every(({ key, version }) => (rows.get(key)?.version ?? null) === version);
    if (!stand) counts.lost++;
    for (const { key, state, ttlMs } of stand ? changes : []) {
      if (state === null) rows.delete(key);
      else if (state !== undefined) {
        assert(ttlMs > 0);
        rows.set(key, { state: JSON.stringify(state), version: ++versions, until: now + ttlMs });
      }
    }
    return stand;
  }
  return {
    rows,
    counts,
    read,
    write,
    touch: (key) => rows.has(key) && rows.set(key, { ...rows.get(key)!, version: ++versions }),
  };
}

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** The same, from afar: each answer takes a turn of the loop, so that instances get in each other's way. */
const fromAfar = ({ read, write }: VersionedStates): VersionedStates => ({
  async read(keys) {
    await turn();
    return await read(keys);
  },
  async write(changes, now, lost) {
    await turn();
    return await write(changes, now, lost);
  },
});

/** The same, but every answer is a guess: a decision that changes nothing is compared as well. */
const guessing = ({ read, write }: VersionedStates): VersionedStates => ({
  read: async (keys) => ({ ...await read(keys), isGuess: true }),
  write,
});

function checkOf(
  partition: string,
  own: Partial<Check["policy"]> = {},
  algorithm: Algorithm = fixedWindow(),
): Check {
  const policy = { name: "rule", limit: 10, windowMs: 60_000, mode: "enforce" as const, ...own };
  return { key: `${policy.name}:${partition}`, policy, algorithm, cost: 1, since: null };
}

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  gcra(),
  slidingLog(),
  slidingWindow(),
  concurrency({ lease: "1min" }),
];

describe("casStore", () => {
  const WAYS: Readonly<Record<string, (database: VersionedStates) => VersionedStates>> = {
    "a database that answers at once": ({ read, write }) => ({ read, write }),
    "a database that answers later": fromAfar,
    "a cache in front of a database": (database) => guessing(fromAfar(database)),
  };
  for (const [name, way] of Object.entries(WAYS)) {
    describe(`over ${name}`, () => {
      for (const behaviour of storeBehaviours) {
        it(behaviour.name, async () => {
          const clock = manualClock();
          const database = newDatabase(clock);
          await behaviour.run({
            open: () =>
              casStore({
                ...way(database),
                forget: (key) => void database.rows.delete(key),
                timeoutMs: 60_000,
              }),
            advance: clock.advance,
          });
        });
      }
    });
  }

  it("decides 32 requests of one key that come at once by one read and one write", async () => {
    const database = newDatabase(() => 1_800_000_000_000);
    const store = casStore({ ...fromAfar(database), timeoutMs: 60_000 });
    const answers = await Promise.all(Array.from({ length: 32 }, () => store.decide([checkOf("hot")])));
    assertEquals(answers.filter(([{ allowed }]) => allowed).length, 10);
    assertEquals(database.counts, { reads: 1, writes: 1, lost: 0 });
  });

  it("writes nothing for refusals and peeks, and asks about other keys at the same time", async () => {
    const database = newDatabase(() => 1_800_000_000_000);
    const store = casStore({ ...fromAfar(database), timeoutMs: 60_000 });
    await store.decide([{ ...checkOf("a"), cost: 10 }]);
    const before = { ...database.counts };
    await Promise.all(["a", "b", "c"].map((key) => store.decide([checkOf(key)], key !== "a")));
    await store.decide([checkOf("a")]);
    assertEquals(database.counts.writes - before.writes, 2);
  });

  it("lets exactly the limit pass of 400 requests to four instances at once, under every algorithm", async () => {
    const database = newDatabase(() => 1_800_000_000_000);
    const stores = Array.from({ length: 4 }, () => casStore({ ...fromAfar(database), timeoutMs: 60_000 }));
    for (const algorithm of ALGORITHMS) {
      const asked = (n: number): readonly Check[] => [
        checkOf("everybody", { name: `${algorithm.name}`, limit: 50 }, algorithm),
        checkOf(`${n % 7}`, { name: `own-${algorithm.name}`, limit: 1000 }, algorithm),
      ];
      const answers = await Promise.all(
        Array.from({ length: 400 }, async (_, n) => await stores[n % 4].decide(asked(n))),
      );
      assertEquals(answers.filter(([{ allowed }]) => allowed).length, 50, algorithm.name);
      const used = await Promise.all(
        Array.from({ length: 7 }, (_, n) => stores[0].decide([asked(n)[1]], false)),
      );
      const charged = used.reduce((sum, [{ remaining }]) => sum + 1000 - remaining, 0);
      assertEquals(charged, 50, `${algorithm.name}: a refused request charges nobody`);
    }
    assert(database.counts.lost > 0, "no race was ever lost");
  });

  it("agrees with decideChecks over a Map in 12,000 random decisions of two instances", async () => {
    let now = 0;
    const database = newDatabase(() => now);
    const instances = Array.from({ length: 2 }, () => casStore({ ...fromAfar(database), timeoutMs: 60_000 }));
    const same = fc.asyncProperty(walks, async (walk) => {
      await walkBeside({ instances, setTime: (time) => now = time }, walk);
    });
    await fc.assert(same, { numRuns: 200, endOnFailure: true });
  });

  it("gives up after so many lost races, having charged nothing, and takes the failure policy", async () => {
    const database = newDatabase(() => 1_800_000_000_000);
    const store = casStore({
      read: database.read,
      write(changes, now) {
        database.touch("rule:a");
        return database.write(changes, now, 0);
      },
      attempts: 5,
      timeoutMs: 60_000,
    });
    const kept = (): string => JSON.parse(database.rows.get("rule:a")!.state);
    await store.decide([checkOf("a")]); // nothing to touch yet
    const before = kept();
    await assertRejects(async () => await store.decide([checkOf("a")]), Error, "won 5 races in a row");
    assertEquals(database.counts.lost, 5);
    assertEquals(kept(), before);

    const throttle = createThrottle({ name: "rule", rate: "10/min" }, {
      store: casStore({ read: database.read, write: () => false, attempts: 2 }),
      onStoreFailure: "deny",
      client: { address: () => "192.0.2.1" },
    });
    const { decisions: [{ source }] } = await throttle.check(new Request("https://example.com/"));
    assertEquals(source, "denied-by-policy");
  });

  it("writes nothing for a request that nobody waits for any more", async () => {
    const database = newDatabase(() => 1_800_000_000_000);
    let answer = (): void => {};
    const store = casStore({
      async read(keys) {
        await new Promise<void>((resume) => answer = resume);
        return database.read(keys);
      },
      write: database.write,
      timeoutMs: 5,
    });
    const asked = store.decide([checkOf("a")]) as Promise<unknown>;
    const refused = assertRejects(() => asked, Error, "No decision was made within 5 ms");
    await pause(50);
    answer();
    await refused;
    assertEquals(database.counts.writes, 0);
  });

  it("makes corrections later whose read failed, and not those of whose write nobody knows what came", async () => {
    for (const [failing, left] of [["read", 3], ["write", 0]] as const) {
      const database = newDatabase(() => 1_800_000_000_000);
      let isFailing = false;
      const act = (name: string): void => {
        if (isFailing && name === failing) throw new Error("connection refused");
      };
      const store = casStore({
        read(keys) {
          act("read");
          return database.read(keys);
        },
        write(...change) {
          act("write");
          return database.write(...change);
        },
        timeoutMs: 60_000,
      });
      assertEquals(await slotsLeft(store, (now) => isFailing = now), left, failing);
    }
  });

  it("fails the one request whose algorithm throws, and none that is decided with it", async () => {
    const { read, write } = newDatabase(() => 1_800_000_000_000);
    const store = casStore({ read, write });
    const broken: Algorithm = {
      ...fixedWindow(),
      name: "broken",
      step() {
        throw new Error("a mistake");
      },
    };
    const [bad, good] = await Promise.allSettled([
      store.decide([checkOf("a"), checkOf("b", { name: "broken" }, broken)]),
      store.decide([checkOf("a")]),
    ]);
    assertEquals(bad.status, "rejected");
    assert(good.status === "fulfilled");
    assertEquals((good.value as readonly { remaining: number }[])[0].remaining, 9);
  });

  it("fails where read or write give what cannot be used, and takes no state for none", async () => {
    const { read, write } = newDatabase(Date.now);
    const stateAsText = (keys: readonly string[]) => ({
      now: Date.now(),
      states: keys.map(() => ({ state: '["fixed-window",[0,1]]', version: 1 })),
    });
    const bad: readonly (readonly [object, string])[] = [
      [{ read: () => undefined, write }, "read must give `now`, a number of ms: current value is undefined"],
      [{ read: () => ({ now: "5", states: [null] }), write }, 'a number of ms: current value is "5"'],
      [
        { read: () => ({ now: 5, states: [] }), write },
        "one for each of 1 keys or null: current value is []",
      ],
      [{ read: () => ({ now: 5 }), write }, "one for each of 1 keys or null: current value is undefined"],
      [{ read: stateAsText, write }, "it must be the value that was saved, not its text"],
      [{ read, write: () => undefined }, "write must give true or false: current value is undefined"],
    ];
    const policy = { name: "r", limit: 5, windowMs: 60_000, mode: "enforce" } as const;
    const check: Check = { key: "r:k", policy, algorithm: fixedWindow() as Algorithm, cost: 1, since: null };
    for (const [options, message] of bad) {
      const store = casStore(options as CasStoreOptions);
      await assertRejects(async () => await store.decide([check]), TypeError, message);
    }
  });

  it("refuses options that cannot be used, with the value", () => {
    const database = newDatabase(Date.now);
    const bad: readonly (readonly [object, string])[] = [
      [{}, "read must be a function"],
      [{ ...database, write: 1 }, "casStore() as it takes no option but"],
      [{ read: database.read, write: 1 }, "write must be a function: current value is 1"],
      [
        { read: database.read, write: database.write, attempts: 0 },
        "attempts must be an integer from 1 to 1000",
      ],
      [{ read: database.read, write: database.write, timeoutMs: 0 }, "timeoutMs must be an integer from 1"],
    ];
    for (const [options, message] of bad) {
      assertThrows(() => casStore(options as CasStoreOptions), Error, message);
    }
    const store: Store = casStore({ read: database.read, write: database.write });
    assertEquals([store.shared, store.deadlineMs, store.forget], [true, 250, undefined]);
  });
});
