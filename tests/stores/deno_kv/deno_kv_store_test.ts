import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Check, createThrottle, fixedWindow, slidingLog, slidingWindow } from "../../../mod.ts";
import { denoKvStore, type KvLike } from "../../../src/stores/deno_kv/mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { type Kv, openKv, withoutDenoKv } from "../../harness/deno_kv.ts";
import { lanes } from "../../harness/lanes.ts";

/** Generous: what is looked at is verdicts, on a machine that may be busy. */
const timeoutMs = 10_000;

/** A database, and what a store did on it. */
function watched(kv: Kv) {
  const seen = { reads: 0, commits: 0, expiries: [] as (number | undefined)[] };
  const own: KvLike = {
    async getMany(keys, options) {
      const entries = await kv.getMany(keys, options); // rejects where another connection writes, as commit does
      seen.reads++;
      return entries;
    },
    delete: (key) => kv.delete(key),
    atomic() {
      const atomic = kv.atomic();
      const [set, commit] = [atomic.set.bind(atomic), atomic.commit.bind(atomic)];
      atomic.set = (key: string[], value: unknown, options?: { expireIn?: number }) => {
        seen.expiries.push(options?.expireIn);
        return set(key, value, options);
      };
      atomic.commit = async () => {
        const answer = await commit();
        seen.commits++;
        return answer;
      };
      return atomic;
    },
  };
  return { kv: own, seen };
}

function checkOf(partition: string, limit: number, name = "rule"): Check {
  const policy = { name, limit, windowMs: 60_000, mode: "enforce" as const };
  return { key: `${name}:${partition}`, policy, algorithm: fixedWindow(), cost: 1, since: null };
}

describe("denoKvStore", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-kv-"));
  const path = join(folder, "kv.sqlite");
  const opened: Kv[] = [];
  async function open(): Promise<Kv> {
    const kv = await openKv(path);
    opened.push(kv);
    return kv;
  }
  after(() => {
    for (const kv of opened) kv.close();
    rmSync(folder, { recursive: true });
  });

  describe("over Deno KV", { skip: withoutDenoKv }, () => {
    const inLane = lanes(8);
    for (const { name, run } of storeBehaviours) {
      it(name, inLane(() => run({ open: async () => denoKvStore({ kv: await open(), timeoutMs }) })));
    }
  });

  describe("beside other instances", { skip: withoutDenoKv }, () => {
    let kvs: readonly Kv[];
    before(async () => {
      kvs = [await open(), await open()];
    });

    it("lets exactly the limit pass of 640 requests, 32 at once from each of two instances, with one retry at most", async () => {
      const databases = kvs.map(watched);
      const stores = databases.map(({ kv }) => denoKvStore({ kv, timeoutMs }));
      let passed = 0;
      for (let round = 0; round < 10; round++) {
        for (const { seen } of databases) Object.assign(seen, { reads: 0, commits: 0 });
        const answers = await Promise.all(
          Array.from({ length: 64 }, async (_, i) => await stores[i % 2].decide([checkOf("hot", 100)])),
        );
        passed += answers.filter(([{ allowed }]) => allowed).length;
        // Each asks once for its 32; of two that write one may lose, and the winner writes no more.
        const [one, other] = databases.map(({ seen }) => seen);
        assertLessOrEqual(one.reads + other.reads, 3);
        assertLessOrEqual(one.commits + other.commits, 3);
      }
      assertEquals(passed, 100);
    });

    it("decides 25 rules together, which Deno KV reads in three parts, all or none", async () => {
      const store = denoKvStore({ kv: kvs[0], prefix: "many", timeoutMs });
      const checks = Array.from({ length: 25 }, (_, i) => checkOf("somebody", i === 24 ? 1 : 5, `rule${i}`));
      assertEquals((await store.decide(checks)).map(({ allowed }) => allowed), checks.map(() => true));
      const refused = await store.decide(checks);
      assertEquals(refused.map(({ remaining }) => remaining), checks.map((_, i) => i === 24 ? 0 : 4));
    });

    it("keeps apart what has another prefix, and gives every value an expiry", async () => {
      const stores = ["one", "two"].map((prefix) => denoKvStore({ kv: kvs[0], prefix, timeoutMs }));
      for (const store of stores) assertEquals((await store.decide([checkOf("a", 1)]))[0].allowed, true);
      const { kv, seen: { expiries } } = watched(kvs[0]);
      await denoKvStore({ kv, prefix: "three", timeoutMs }).decide([checkOf("a", 5)]);
      assertEquals(expiries.length, 1);
      assert(expiries[0]! > 60_000 && expiries[0]! <= 121_000, `${expiries}`);
    });
  });

  const away = () => Promise.reject(new Error("no database here"));
  const kv: KvLike = { getMany: away, delete: away, atomic: () => ({}) };

  it("refuses a log that is larger than a value may be, and takes a window in its place", () => {
    const store = denoKvStore({ kv });
    const rule = { name: "log", rate: { limit: 5001, window: "1h" as const } };
    assertThrows(
      () => createThrottle({ ...rule, algorithm: slidingLog() }, { store }),
      TypeError,
      'Cannot use rule "log" on denoKvStore() as a value of Deno KV holds a sliding log of at most 5000 requests',
    );
    createThrottle({ ...rule, algorithm: slidingWindow() }, { store });
  });

  it("refuses what is no database, and options that do not exist", () => {
    for (const bad of [undefined, {}, "kv"]) {
      assertThrows(() => denoKvStore({ kv: bad as never }), TypeError, "kv must be a database of Deno KV");
    }
    assertThrows(() => denoKvStore({ kv, table: "weir" } as never), TypeError, 'current value is "table"');
  });
});
