import { decideChecks, memoryStore, type Store } from "../../mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { scriptText } from "../../src/stores/redis/script.ts";
import { scriptStore } from "../../src/stores/redis/script_store.ts";
import type { ScriptRunner } from "../../src/stores/redis/script_runner.ts";
import { runnerOf as upstashRunnerOf } from "../../src/stores/upstash/upstash_client.ts";
import { clientOf } from "../../src/stores/upstash/upstash_client.ts";
import { startBridge } from "./bridge.ts";
import { startRedis, withoutRedis } from "./redis.ts";
import { connectTo } from "./resp.ts";

/** A store whose clock a test sets. */
export interface ClockedStore {
  /** Another store on the same clock, with states of its own. */
  open(): Store;
  setTime(now: number): unknown;
  /** The commands that deciding sent so far. */
  readonly calls: number;
  close(): unknown;
}

const CLOCK = "clock";
const HOUR_MS = 3_600_000;

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
        ...scriptStore(
          counted,
          {
            ...{ name: "a test", prefix: `p${opened++}`, timeoutMs: 10_000, denyCache: false },
            ...{ hashKeys: null, lease: null },
          },
          (twins) => scriptText(twins, `local now = tonumber(redis.call('GET', '${CLOCK}'))`, HOUR_MS),
        ),
        clock: () => now,
      }),
      setTime: (time) => own.command("SET", CLOCK, now = time),
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
      const open = (): Store => {
        const kept = new Map<string, unknown>();
        return {
          shared: false,
          clock: () => now,
          decide: (checks, spend = true) =>
            decideChecks(checks, spend, now, {
              load: ({ key }) => kept.get(key) ?? null,
              save: ({ key }, state) => kept.set(key, state),
            }),
        };
      };
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
