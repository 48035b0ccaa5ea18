import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { ChildProcess } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { CONTENDED } from "../../harness/contender.ts";
import { type Contest, type Contestant, contestOf } from "../../harness/contest.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";
import type { PostgresContenderOptions } from "../../harness/postgres_contender.ts";
import { describeOnNode } from "../../harness/runtime.ts";
import { pause, until } from "../../harness/until.ts";

const LIMIT = 100;
const REQUESTS = 1250;

const CONTENDERS = [
  { on: "deno", client: "a Pool of pg", skewMs: -5000 },
  { on: "bun", client: "Bun's SQL", skewMs: 5000 },
  { on: "node", client: "postgres", skewMs: 2500 },
  { on: "node", client: "a Pool of pg", skewMs: 0 },
];

/** A contender that runs. */
interface Contender {
  readonly child: ChildProcess;
  /** How many requests of it have passed, as far as it has said. */
  passed(): number;
  /** Waits until it has said this. */
  said(word: string): Promise<void>;
}

/** Reads its lines as they come. */
function listenTo({ child, read }: Contestant): Contender {
  child.stdin!.on("error", () => {}); // it may have been killed
  let passed = 0;
  const heard: string[] = [];
  let end: unknown = null;
  let wake = (): void => {};
  async function listen(): Promise<void> {
    for (;;) {
      const line = await read();
      if (line === "passed") passed++;
      else heard.push(line);
      wake();
    }
  }
  listen().catch((error) => {
    end = error;
    wake();
  });
  return {
    child,
    passed: () => passed,
    async said(word) {
      while (!heard.includes(word)) {
        if (end !== null) throw end;
        await new Promise<void>((resume) => wake = resume);
      }
      heard.splice(heard.indexOf(word), 1);
    },
  };
}

const sum = (contenders: readonly Contender[]): number =>
  contenders.reduce((total, { passed }) => total + passed(), 0);

// The processes are of all three runtimes whichever of them runs this file.
describeOnNode(
  "one limit on Postgres over four processes on Deno, Bun and Node, with clocks up to 10 s apart",
  { skip: withoutPostgres },
  () => {
    let postgres: Postgres;
    let contest: Contest;
    let contenders: Contender[] = [];
    let chaotic: Contender[] = [];

    type Own = Pick<PostgresContenderOptions, "durable" | "timeoutMs" | "requests" | "atOnce">;
    async function start(i: number, own: Own): Promise<Contender> {
      const { on, client, skewMs } = CONTENDERS[i];
      const options: PostgresContenderOptions = { client, skewMs, url: postgres.url, limit: LIMIT, ...own };
      const started = listenTo(contest.start(on, "contend on postgres", JSON.stringify(options)));
      await started.said("ready");
      return started;
    }
    const startAll = (own: Own) => Promise.all(CONTENDERS.map((_, i) => start(i, own)));

    before(async () => {
      postgres = await startPostgres();
      contest = contestOf("tests/harness/postgres_contender.ts");
      // Thousands at once on two cores: the test counts the passes, not their speed.
      contenders = await startAll({
        durable: false,
        timeoutMs: 60_000,
        requests: REQUESTS,
        atOnce: REQUESTS,
      });
    });
    after(async () => {
      contest?.end();
      await postgres?.stop();
    });

    for (const name of Object.keys(CONTENDED)) {
      it(`of ${4 * REQUESTS} requests at once exactly ${LIMIT} pass: ${name}`, async () => {
        const before = sum(contenders);
        for (const { child } of contenders) child.stdin!.write(`${name}\n`);
        await Promise.all(contenders.map(({ said }) => said("done")));
        assertEquals(sum(contenders) - before, LIMIT, `${contenders.map(({ passed }) => passed())}`);
      });
    }

    describe("while a process is killed (-9), and the server crashes and starts again", () => {
      const own: Own = { durable: true, timeoutMs: 1000, requests: 150, atOnce: 3 };
      before(async () => {
        for (const { child } of contenders) child.kill("SIGKILL");
        await postgres.query("TRUNCATE weir");
        chaotic = await startAll(own);
      });

      for (const [i, name] of Object.keys(CONTENDED).entries()) {
        it(`lets nothing over the limit pass: ${name}`, async () => {
          const running = [...chaotic];
          const before = sum(running);
          for (const { child } of running) child.stdin!.write(`${name}\n`);
          while (sum(running) - before < 5) await pause(1);
          const [killed] = chaotic.splice(i % running.length, 1);
          killed.child.kill("SIGKILL");
          await postgres.end("immediate");
          await postgres.begin();
          await Promise.all(chaotic.map(({ said }) => said("done")));
          assertLessOrEqual(sum(running) - before, LIMIT);
          chaotic.splice(i % running.length, 0, await start(i % running.length, own));
        });
      }
    });

    it("leaves no lock, no open transaction and no row without an end behind", async () => {
      for (const { child } of chaotic) child.kill("SIGKILL");
      // The server sees a little later that they are gone. Its autovacuum may hold a lock at any time.
      const clients = "pid <> pg_backend_pid() AND backend_type = 'client backend'";
      const rowsOf = async (from: string) => (await postgres.query(`SELECT * FROM ${from}`)).rows;
      await until(async () =>
        (await rowsOf(`pg_stat_activity WHERE ${clients} AND state <> 'idle'`)).length === 0
      );
      await until(async () =>
        (await rowsOf(`pg_locks JOIN pg_stat_activity USING (pid) WHERE ${clients}`)).length === 0
      );
      const { rows: endless } = await postgres.query(
        "SELECT key, until FROM weir WHERE until IS NULL OR until > (extract(epoch FROM now()) + 86400 * 2) * 1000",
      );
      assertEquals(endless, []);
    });
  },
);
