import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { createThrottle } from "../../../mod.ts";
import { sqliteStore } from "../../../src/stores/sqlite/mod.ts";
import { CONTENDED, type ContenderOptions, type ContenderReport } from "../../harness/contender.ts";
import { type Contest, type Contestant, contestOf } from "../../harness/contest.ts";
import { describeOnNode } from "../../harness/runtime.ts";
import { sqlite, sqliteFolder } from "../../harness/sqlite.ts";
import { HAMMERED } from "../../harness/sqlite_hammer.ts";

const LIMIT = 100;
const REQUESTS = 1250;

const CONTENDERS: readonly { readonly on: string; readonly client: string }[] = [
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
      for (const { child } of contenders) child.stdin!.write(`${name}\n`);
      const reports = await Promise.all(
        contenders.map(async ({ read }): Promise<ContenderReport> => JSON.parse(await read())),
      );
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
  const passes = join(folder.path, "passes");
  const KILLS = 6;
  let contest: Contest;
  before(() => {
    writeFileSync(passes, "");
    contest = contestOf("tests/harness/sqlite_hammer.ts");
  });
  after(() => {
    contest.end();
    folder.clear();
  });

  const start = ({ on, client }: { on: string; client: string }): Contestant =>
    contest.start(on, "hammer", JSON.stringify({ client, path, passes }));

  it("leave no lock and no half charge, and nothing passes over the limit", async () => {
    const running = CONTENDERS.map(start);
    for (const { read } of running) assertEquals(await read(), "ready");
    const database = folder.open();
    const left = async () => {
      const throttle = createThrottle(HAMMERED, { store: sqliteStore({ database, timeoutMs: 60_000 }) });
      const [few, many] = await Promise.all(HAMMERED.map(({ name }) => throttle.usage(name!, "all")));
      return { few: 3000 - few.remaining, many: 1_000_000 - many.remaining };
    };
    for (let i = 0; i < KILLS; i++) {
      await new Promise((resume) => setTimeout(resume, 50 + 30 * i));
      const [killed] = running.splice(i % running.length, 1);
      const gone = once(killed.child, "exit");
      killed.child.kill("SIGKILL");
      await gone;
      running.push(start(CONTENDERS[i % CONTENDERS.length]));
    }
    const end = Date.now() + 60_000;
    while ((await left()).few < 3000 && Date.now() < end) {
      await new Promise((resume) => setTimeout(resume, 50));
    }
    for (const { child } of running) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    const used = await left();
    assertEquals(used, { few: 3000, many: 3000 });
    const passed = statSync(passes).size;
    // A process that is killed may have been told of a pass that it did not write down.
    assert(passed <= 3000 && passed >= 3000 - KILLS - running.length, `${passed}`);
    database.exec("BEGIN EXCLUSIVE");
    const [{ integrity_check: whole }] = database.prepare("PRAGMA integrity_check").all() as {
      integrity_check: string;
    }[];
    database.exec("ROLLBACK");
    assertEquals(whole, "ok");
  });
});
