import { assert, assertEquals } from "@std/assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { after, before, it } from "node:test";
import { type Bridge, startBridge } from "../harness/bridge.ts";
import { CONTENDED, type ContenderOptions, type ContenderReport } from "../harness/contender.ts";
import { assertLivesEnd } from "../harness/lives.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { describeOnNode } from "../harness/runtime.ts";

const LIMIT = 100;
const REQUESTS = 1250;

/** One program for the three runtimes: Node 20 does not read TypeScript. */
const PROGRAM = `.build/contender-${process.pid}.mjs`;

const BIN = "node_modules/.bin";
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  deno: [`${BIN}/deno`, "run", "-A", "--no-check", "--config=deno.json"],
  bun: [`${BIN}/bun`, "run"],
  node: ["node"],
};

const CONTENDERS: readonly (Pick<ContenderOptions, "client" | "skewMs"> & { readonly on: string })[] = [
  { on: "deno", client: "ioredis", skewMs: -5000 },
  { on: "bun", client: "Bun's RedisClient", skewMs: 5000 },
  { on: "node", client: "upstash", skewMs: 2500 },
  { on: "deno", client: "upstash", skewMs: 0 },
];

/** A contender that runs, spoken to by lines. */
interface Contender {
  readonly child: ChildProcess;
  read(): Promise<string>;
}

// The processes are of all three runtimes whichever of them runs this file.
describeOnNode(
  "one limit over four processes on Deno, Bun and Node, over TCP and HTTP, with clocks up to 10 s apart",
  { skip: withoutRedis },
  () => {
    let redis: Redis;
    let bridge: Bridge;
    let contenders: Contender[] = [];

    function start(options: ContenderOptions, on: string): Contender {
      const [program, ...words] = [...RUNTIMES[on], PROGRAM, "contend", JSON.stringify(options)];
      const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      return {
        child,
        async read() {
          const { value, done } = await lines.next();
          if (done) throw new Error(`The process on ${on} has ended`);
          return value;
        },
      };
    }

    before(async () => {
      redis = await startRedis();
      bridge = await startBridge(redis);
      const words = [
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--packages=external",
        "--log-level=error",
      ];
      const bundled = spawnSync(`${BIN}/esbuild`, [
        "tests/harness/contender.ts",
        ...words,
        `--outfile=${PROGRAM}`,
      ], {
        stdio: "inherit",
      });
      assertEquals(bundled.status, 0);
      const { host, port } = redis;
      const { url, token } = bridge;
      contenders = CONTENDERS.map(({ on, ...own }) =>
        start({ host, port, url, token, requests: REQUESTS, limit: LIMIT, ...own }, on)
      );
      assertEquals(await Promise.all(contenders.map(({ read }) => read())), contenders.map(() => "ready"));
    });
    after(async () => {
      for (const { child } of contenders) child.kill();
      await bridge?.close();
      await redis?.stop();
      rmSync(PROGRAM, { force: true });
    });

    for (const name of Object.keys(CONTENDED)) {
      it(`of ${4 * REQUESTS} requests at once exactly ${LIMIT} pass: ${name}`, async () => {
        for (const { child } of contenders) child.stdin!.write(`${name}\n`);
        const reports = await Promise.all(
          contenders.map(async ({ read }): Promise<ContenderReport> => JSON.parse(await read())),
        );
        const passed = reports.map(({ passed }) => passed);
        assertEquals(passed.reduce((sum, count) => sum + count, 0), LIMIT, `${passed}`);
        // Replies from different instances agree on the reset to 1 s.
        const resets = reports.map(({ resetAt }) => resetAt);
        assert(Math.max(...resets) - Math.min(...resets) < 1000, `${resets}`);
      });
    }

    it("leaves no key that outlives its state by more than a minute", () => assertLivesEnd(redis));
  },
);
