import { memoryStore, type Store } from "../../mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import type { ScriptRunner } from "../../src/stores/redis/script_runner.ts";
import { runnerOf as upstashRunnerOf } from "../../src/stores/upstash/upstash_client.ts";
import { clientOf } from "../../src/stores/upstash/upstash_client.ts";
import { startBridge } from "./bridge.ts";
import { clockedStore, setClock } from "./clocked_scripts.ts";
import { startRedis, withoutRedis } from "./redis.ts";
import { connectTo } from "./resp.ts";
import { modelStore } from "./walks.ts";

/** A store whose clock a test sets. */
export interface ClockedStore {
  /** Another store on the same clock, with states of its own. */
  open(): Store;
  setTime(now: number): unknown;
  /** The commands that deciding sent so far. */
  readonly calls: number;
  close(): unknown;
}

/** Stores by scripts, whose clock is a key of Redis. */
function byScript(
  connect: (address: { host: string; port: number }) => Promise<{ runner: ScriptRunner; close(): unknown }>,
): () => Promise<ClockedStore> {
  return async () => {
    const redis = await startRedis();
    const own = connectTo(redis);
    const { runner, close } = await connect(redis);
    let opened = 0;
    let calls = 0;
    let now = 0;
    /** A throttle would go on by itself. */
    const failures: unknown[] = [];
    const noted = (reply: Promise<unknown>): Promise<unknown> => {
      calls++;
      reply.catch((error) => String(error).includes("NOSCRIPT") || failures.push(error));
      return reply;
    };
    const counted: ScriptRunner = {
      ...runner,
      eval: (...words) => noted(runner.eval(...words)),
      evalsha: (...words) => noted(runner.evalsha(...words)),
    };
    return {
      get calls() {
        return calls;
      },
      open: () => ({
        ...clockedStore(counted, { prefix: `p${opened++}`, timeoutMs: 10_000, denyCache: false }),
        clock: () => now,
      }),
      setTime: (time) => setClock(own.command, now = time),
      async close() {
        await close();
        own.close();
        await redis.stop();
        if (failures.length > 0) throw failures[0];
      },
    };
  };
}

/** A table of stores that a test runs over. */
export const CLOCKED_STORES: readonly {
  readonly name: string;
  readonly skip?: string | false;
  /** Does each decision go over a socket? */
  readonly isSlow: boolean;
  start(): Promise<ClockedStore>;
}[] = [
  {
    name: "memoryStore",
    isSlow: false,
    start() {
      let now = 0;
      const open = () => memoryStore({ clock: () => now });
      return Promise.resolve({ open, calls: 0, setTime: (time: number) => now = time, close() {} });
    },
  },
  {
    name: "a store by decideChecks",
    isSlow: false,
    start() {
      let now = 0;
      const open = (): Store => ({ ...modelStore(() => now), clock: () => now });
      return Promise.resolve({ open, calls: 0, setTime: (time: number) => now = time, close() {} });
    },
  },
  {
    name: "Redis",
    skip: withoutRedis,
    isSlow: true,
    start: byScript((redis) => {
      const connection = connectTo(redis as never);
      const send = (command: string, words: string[]) => connection.command(command, ...words);
      return Promise.resolve({ runner: runnerOf({ send }), close: () => connection.close() });
    }),
  },
  {
    name: "Upstash",
    skip: withoutRedis,
    isSlow: true,
    start: byScript(async (redis) => {
      const { url, token, close } = await startBridge(redis as never);
      return { runner: upstashRunnerOf(clientOf(url, token, 10_000)), close };
    }),
  },
];
