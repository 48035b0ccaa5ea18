import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { createThrottle } from "../../../mod.ts";
import { sqliteStore } from "../../../src/stores/sqlite/mod.ts";
import { CONTENDED, type ContenderOptions, type ContenderReport } from "../../harness/contender.ts";
import { type Contest, type Contestant, contestOf, reportsOf } from "../../harness/contest.ts";
import { describeOnNode } from "../../harness/runtime.ts";
import { sqlite, sqliteFolder } from "../../harness/sqlite.ts";
import { hammered, type HammerOptions } from "../../harness/sqlite_hammer.ts";
import { pause, until } from "../../harness/until.ts";

const LIMIT = 100;
const REQUESTS = 1250;

interface Contender {
  readonly on: string;
  readonly client: string;
}

const CONTENDERS: readonly Contender[] = [
  { on: "deno", client: "node:sqlite" },
  { on: "bun", client: "bun:sqlite" },
  { on: "node", client: sqlite.name },
  { on: "deno", client: "libsql" },
];

// The processes are of all three runtimes whichever of them runs this file.
describeOnNode("one limit over four processes on Deno, Bun and Node, in one file of SQLite", () => {
  const folder = sqliteFolder();
  const path = join(folder.path, "weir.db");
  let contest: Contest;
  let contenders: Contestant[];

  before(async () => {
    contest = contestOf("tests/harness/contender.ts");
    contenders = CONTENDERS.map(({ on, client }) => {
      const options: ContenderOptions = { client, path, skewMs: 0, requests: REQUESTS, limit: LIMIT };
      return contest.start(on, "contend", JSON.stringify(options));
    });
    assertEquals(await Promise.all(contenders.map(({ read }) => read())), contenders.map(() => "ready"));
  });
  after(() => {
    contest.end();
    folder.clear();
  });

  for (const name of Object.keys(CONTENDED)) {
    it(`of ${4 * REQUESTS} requests at once exactly ${LIMIT} pass: ${name}`, async () => {
      const reports = await reportsOf<ContenderReport>(contenders, name);
      const passed = reports.map(({ passed }) => passed);
      assertEquals(passed.reduce((sum, count) => sum + count, 0), LIMIT, `${passed}`);
    });
  }

  it("leaves no row without an expiry", () => {
    const rows = folder.open().prepare("SELECT expires_at - saved_at AS life FROM weir").all() as {
      life: number;
    }[];
    assertEquals(rows.length, Object.keys(CONTENDED).length);
    for (const { life } of rows) assert(life > 0 && life <= 2 * 86_400_000, `${life}`);
  });
});

describeOnNode("processes that are killed (-9) in the middle of their transactions", () => {
  const folder = sqliteFolder();
  const path = join(folder.path, "weir.db");
  const MOST = 300;
  let contest: Contest;
  let running: Contestant[];

  const start = ({ on, client }: Contender): Contestant => {
    const options: HammerOptions = {
      ...{ client, path, skewMs: 0, requests: 0, limit: MOST },
      passes: folder.path,
    };
    return contest.start(on, "hammer", JSON.stringify(options));
  };
  /** The passes that were written down, by the algorithm and the key: "gcra 1". */
  const passesOf = (asked: string): number =>
    statSync(join(folder.path, asked), { throwIfNoEntry: false })?.size ?? 0;
  const asked: string[] = [];
  async function ended({ child }: Contestant, end: () => void): Promise<void> {
    const gone = once(child, "exit");
    end();
    await gone;
  }

  before(async () => {
    contest = contestOf("tests/harness/sqlite_hammer.ts");
    running = CONTENDERS.map(start);
    assertEquals(await Promise.all(running.map(({ read }) => read())), running.map(() => "ready"));
  });
  after(() => {
    contest.end();
    folder.clear();
  });

  /** Kills one of them while all ask, and starts another one; gives how many had passed by then. */
  async function killOneOf(i: number, asked: string): Promise<number> {
    for (const { child } of running) child.stdin!.write(`${asked}\n`);
    while (passesOf(asked) < 5) await pause(1);
    await ended(running[i], () => running[i].child.kill("SIGKILL"));
    const passed = passesOf(asked);
    running[i] = start(CONTENDERS[i]);
    assertEquals(await running[i].read(), "ready");
    running[i].child.stdin!.write(`${asked}\n`);
    return passed;
  }

  for (const [i, name] of Object.keys(CONTENDED).entries()) {
    it(`leave no half charge, and nothing passes over the limit: ${name}`, async () => {
      const store = sqliteStore({ database: folder.open(), timeoutMs: 60_000 });
      const throttle = createThrottle(hammered(MOST), { store });
      // On a busy machine a kill may come after the last pass: then once more, with another key.
      for (let key = 1, passed = MOST; passed === MOST; key++) {
        assert(key < 10, "No process was killed before the last pass");
        asked.push(`${name} ${key}`);
        passed = await killOneOf(i % running.length, asked.at(-1)!);
        const used = () =>
          Promise.all([MOST, 2 * MOST].map(async (limit) => {
            const { remaining } = await throttle.usage(`${name}-${limit}`, `${key}`);
            return limit - remaining;
          }));
        await until(async () => (await used())[0] === MOST);
        assertEquals(await used(), [MOST, MOST]);
      }
    });
  }

  it("leave no lock, a whole file, and no row without an expiry", async () => {
    await Promise.all(running.map((one) => ended(one, () => one.child.stdin!.end())));
    for (const one of asked) {
      // The process that was killed may not have written its last pass down.
      const passed = passesOf(one);
      assert(passed === MOST || passed === MOST - 1, `${one}: ${passed}`);
    }
    const database = folder.open();
    database.exec("BEGIN EXCLUSIVE");
    const [{ integrity_check: whole }] = database.prepare("PRAGMA integrity_check").all() as {
      integrity_check: string;
    }[];
    database.exec("ROLLBACK");
    assertEquals(whole, "ok");
    const rows = database.prepare("SELECT expires_at - saved_at AS life FROM weir").all() as {
      life: number;
    }[];
    assertEquals(rows.length, 2 * asked.length);
    for (const { life } of rows) assert(life > 0 && life <= 2 * 28 * 86_400_000, `${life}`);
  });
});
