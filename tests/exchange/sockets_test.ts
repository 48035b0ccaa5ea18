/** A cap on open WebSockets. */
import { assert, assertEquals } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { createThrottle, memoryStore, type Store } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { CLIENTS } from "../harness/clients.ts";
import { clockedStore, setClock } from "../harness/clocked_scripts.ts";
import { inTime } from "../harness/in_time.ts";
import { startProgram } from "../harness/program.ts";
import { startRedis, withoutRedis } from "../harness/redis.ts";
import { EVERYBODY, type Handshake, handshake, type RoomProcess, ROOMS } from "../harness/rooms.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { socketRule } from "../harness/socket_rule.ts";
import { pause, until } from "../harness/until.ts";

const client = { address: () => EVERYBODY };
const LIMIT = 2;
const TWO_OF_TEN = { 101: LIMIT, 429: 10 - LIMIT };

/** A process that is busy for half of this loses its slots; what is renewed is seen after a little more. */
const LEASE_MS = 4000;
const RENEWED_MS = 1.1 * LEASE_MS;

/** Opens ten at once at a limit of two, waits, then closes and opens some. */
async function assertTwoOpen(port: number, waitMs: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 10 }, () => handshake(port)));
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  assertEquals(counts, TWO_OF_TEN);
  await pause(waitMs);
  assertEquals((await handshake(port)).status, 429);
  let open: Handshake[] = answers.filter(({ status }) => status === 101);
  for (const abruptly of [false, true]) {
    const [leaving, ...others] = open;
    leaving.end(abruptly);
    let next: Handshake | undefined;
    await until(async () => (next = await handshake(port)).status === 101);
    open = [...others, next!];
    assertEquals((await handshake(port)).status, 429);
  }
  for (const socket of open) socket.end(false);
}

for (const { name, open } of ROOMS) {
  const stores: readonly [
    string,
    number,
    string | false,
    () => Promise<{ store: Store; close(): unknown }>,
  ][] = [
    ["memory", RENEWED_MS, false, () => Promise.resolve({ store: memoryStore(), close() {} })],
    ["Redis", 0, withoutRedis, async () => {
      const redis = await startRedis();
      const opened = await CLIENTS[0].open(redis);
      const close = async () => {
        opened.close();
        await redis.stop();
      };
      return { store: redisStore({ client: opened.client, timeoutMs: 10_000 }), close };
    }],
  ];
  describe(`a cap of ${LIMIT} on open sockets, on ${name}`, () => {
    for (const [where, waitMs, skip, storeOf] of stores) {
      const test = async () => {
        const { store, close } = await storeOf();
        const throttle = createThrottle(socketRule(LIMIT, `${LEASE_MS}ms`), { client, store });
        const room = await open(throttle);
        try {
          await assertTwoOpen(room.port, waitMs);
          await until(async () => (await throttle.usage("sockets", EVERYBODY)).remaining === LIMIT);
        } finally {
          await room.close();
          await close();
        }
      };
      it(`lets ${LIMIT} of 10 in, and others as they leave: slots on ${where}`, { skip }, () => inTime(test));
    }
  });
}

describeOnNode(`a cap of ${LIMIT} on open sockets`, () => {
  it(`lets ${LIMIT} of 10 in, and others as they leave, in workerd`, () =>
    inTime(async () => {
      const command = ["node", "scripts/platform.mjs", "workerd", "tests/platforms/entries/workerd_room.ts"];
      const program = await startProgram(command);
      try {
        await assertTwoOpen(Number(new URL(program.url).port), RENEWED_MS);
      } finally {
        await program.stop();
      }
    }));

  describe("of a process that ends", { skip: withoutRedis }, () => {
    const bundle = `.build/room-${process.pid}.mjs`;
    const bin = "node_modules/.bin";
    const runtimes: Readonly<Record<string, readonly string[]>> = {
      deno: [`${bin}/deno`, "run", "-A", "--no-check", "--config=deno.json"],
      bun: [`${bin}/bun`, "run"],
      node: ["node"],
    };
    before(() => {
      const words = [
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--packages=external",
        "--log-level=error",
      ];
      const { status } = spawnSync(`${bin}/esbuild`, [
        "tests/harness/rooms.ts",
        ...words,
        `--outfile=${bundle}`,
      ], {
        stdio: "inherit",
      });
      assertEquals(status, 0);
    });
    after(() => rmSync(bundle, { force: true }));

    for (const [runtime, [command, ...words]] of Object.entries(runtimes)) {
      it(`keeps no process alive that has nothing else to do: ${runtime}`, () => {
        const { status, stdout } = spawnSync(command, [...words, bundle, "hold"], { timeout: 60_000 });
        assertEquals([status, String(stdout)], [0, "held\n"]);
      });

      it(`comes free after the lease, and not before, when it is killed: ${runtime}`, async () => {
        const redis = await startRedis();
        const opened = await CLIENTS[0].open(redis);
        const leaseMs = 2000;
        let now = Date.now();
        const setTime = (time: number) => setClock(redis.command, now = time);
        await setTime(now);
        const { host, port } = redis;
        const given: RoomProcess = { host, port, limit: LIMIT, lease: `${leaseMs}ms` };
        const child = spawn(command, [...words, bundle, "room", JSON.stringify(given)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        try {
          const [line] = await once(createInterface({ input: child.stdout! }), "line");
          const throttle = createThrottle(socketRule(LIMIT, given.lease), {
            client,
            store: clockedStore(runnerOf(opened.client), { timeoutMs: 10_000 }),
          });
          const look = () => throttle.usage("sockets", EVERYBODY);
          const left = async () => (await look()).remaining;
          await handshake(Number(line));
          await handshake(Number(line));
          assertEquals(await left(), 0);
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
          await setTime(now + leaseMs - 1);
          assertEquals(await left(), 0);
          // Renewals may have been ahead of a clock that stands still, by half a lease.
          const { resetAfterMs } = await look();
          assert(resetAfterMs <= 1 + leaseMs / 2, `${resetAfterMs}`);
          await setTime(now + resetAfterMs);
          assertEquals(await left(), LIMIT);
        } finally {
          child.kill("SIGKILL");
          opened.close();
          await redis.stop();
        }
      });
    }
  });
});
