import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "./free_port.ts";
import { type Connection, connectTo, type Reply } from "./resp.ts";

/** The path of redis-server: `npm test` sets it in WEIR_REDIS. */
const PROGRAM = [process.env.WEIR_REDIS, "/usr/bin/redis-server"].find((path) => path && existsSync(path));

if (PROGRAM === undefined && process.env.CI) {
  throw new Error("No redis-server: set WEIR_REDIS to its path. In CI no test is skipped.");
}

/** The `skip` of a test that needs a real Redis: false, or the reason. */
export const withoutRedis: string | false = PROGRAM === undefined &&
  "no redis-server: apt-get install redis-server, or set WEIR_REDIS to its path";

/** A Redis for one test. */
export interface Redis {
  readonly host: string;
  readonly port: number;
  /** Its Unix socket. */
  readonly path: string;
  /** "redis://127.0.0.1:40123" */
  readonly url: string;
  /** Sends it a command. */
  command(...words: (string | number)[]): Promise<Reply>;
  /** Sends a signal to its process: SIGSTOP freezes it, SIGCONT resumes it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Kills it, like a crash. */
  kill(): Promise<void>;
  /** Starts it again, empty, at the same address. */
  restart(): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Starts redis-server on a port and a Unix socket in `folder`; resolves when it answers. */
async function start(folder: string, port: number, flags: readonly string[]): Promise<ChildProcess> {
  const words = ["--bind", HOST, "--port", String(port), "--unixsocket", join(folder, "s"), "--dir", folder];
  const child = spawn(PROGRAM!, [...words, "--save", "", "--appendonly", "no", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let said = "";
  await new Promise<void>((ready, failed) => {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("Ready to accept connections")) ready();
    });
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`redis-server ended at once: ${said}`)));
  });
  child.stdout!.resume();
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/**
 * Starts a Redis without persistence.
 *
 * @param flags Further options: `["--maxmemory", "1mb"]`.
 */
export async function startRedis(flags: readonly string[] = []): Promise<Redis> {
  const folder = mkdtempSync(join(tmpdir(), "weir-redis-"));
  let port = await freePort();
  // Where a system gives such ports to anybody, another program may take it in between.
  let child = await start(folder, port, flags).catch(async () => {
    return start(folder, port = await freePort(), flags);
  });
  let connection: Connection | null = null;

  async function end(): Promise<void> {
    connection?.close();
    connection = null;
    await kill(child);
  }

  return {
    host: HOST,
    port,
    path: join(folder, "s"),
    url: `redis://${HOST}:${port}`,
    command(...words) {
      connection ??= connectTo({ host: HOST, port });
      return connection.command(...words);
    },
    // Deno's child.kill() has no effect the second time.
    signal: (signal) => void process.kill(child.pid!, signal),
    kill: end,
    async restart() {
      await end();
      child = await start(folder, port, flags);
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every key and its time to live in ms (-1: no expiry), found by SCAN. */
export async function lives(redis: Pick<Redis, "command">): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  let cursor = "0";
  do {
    const [next, keys] = await redis.command("SCAN", cursor, "COUNT", 1000) as [string, string[]];
    const ttls = await Promise.all(keys.map((key) => redis.command("PTTL", key)));
    keys.forEach((key, i) => found.set(key, ttls[i] as number));
    cursor = next;
  } while (cursor !== "0");
  return found;
}
