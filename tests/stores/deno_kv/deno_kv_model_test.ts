import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Store } from "../../../mod.ts";
import { denoKvStore } from "../../../src/stores/deno_kv/mod.ts";
import { type Kv, openKv, withoutDenoKv } from "../../harness/deno_kv.ts";
import { walkBeside, walks } from "../../harness/walks.ts";

/** Deno KV removes values by the clock of the machine, at the earliest a minute after they were written: no walk takes so long. */
const MAX_WALK_MS = 60_000;

describe("denoKvStore beside decideChecks over a Map", { skip: withoutDenoKv }, () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-kv-walk-"));
  const opened: Kv[] = [];
  after(() => {
    for (const kv of opened) kv.close();
    rmSync(folder, { recursive: true });
  });
  async function open(path: string): Promise<Kv> {
    const kv = await openKv(path);
    opened.push(kv);
    return kv;
  }

  let now = 0;
  /** A store whose time is the test's: it takes `Date.now` when it is made. */
  function storeOn(kv: Kv): Store {
    const { now: real } = Date;
    Date.now = () => now;
    try {
      return denoKvStore({ kv, timeoutMs: MAX_WALK_MS });
    } finally {
      Date.now = real;
    }
  }

  async function agree(kvs: readonly Kv[], numRuns: number): Promise<number> {
    let decided = 0;
    const instances = kvs.map(storeOn);
    const same = fc.asyncProperty(walks, async (walk) => {
      const begun = performance.now();
      decided += await walkBeside({ instances, setTime: (time) => now = time }, walk);
      assert(performance.now() - begun < MAX_WALK_MS, "This machine is too busy for a walk");
    });
    await fc.assert(same, { numRuns, endOnFailure: true });
    return decided;
  }

  it(
    "agrees in 6,000 random decisions of two instances, with corrections, peeks, shadows, slots, blocks and clocks that step back",
    { timeout: 600_000 },
    async () => {
      const kv = await open(":memory:");
      assert(await agree([kv, kv], 60) >= 6000);
    },
  );

  it("agrees in 1,000 decisions of two connections to one file", { timeout: 600_000 }, async () => {
    const path = join(folder, "kv.sqlite");
    const kvs = [await open(path), await open(path)];
    assert(await agree(kvs, 10) >= 1000);
    const keys: string[][] = [];
    for await (const { key } of kvs[0].list({ prefix: [] })) keys.push(key);
    assertEquals(keys.filter(([prefix, ...rest]) => prefix !== "weir" || rest.length !== 1), []);
    assert(keys.length > 0);
  });
});
