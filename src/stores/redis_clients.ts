/**
 * Clients of Redis over TCP, and how each of them runs a script.
 *
 * @module
 */

import type { ScriptRunner } from "./script_store.ts";
import { slotOf } from "./slots.ts";
import { refusal } from "../refusal.ts";

/** What is used of ioredis and iovalkey, a single client or a Cluster. */
export interface IoredisLike {
  /** Runs a script that the server has. */
  evalsha(sha: string, keyCount: number, ...words: string[]): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keyCount: number, ...words: string[]): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
  /** Is it a Cluster? */
  readonly isCluster?: boolean;
  /** What it was made with. */
  readonly options?: { readonly keyPrefix?: string | undefined };
}

/** What is used of node-redis, a single client or a cluster. */
export interface NodeRedisLike {
  /** Runs a script that the server has. */
  evalSha(sha: string, words: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, words: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
  /** A cluster has it, a single client has not. */
  readonly getSlotRandomNode?: unknown;
}

/** What is used of Bun's `RedisClient`; also the shape to give any other client, in one function. */
export interface SendingClient {
  /** Sends a command with its words; rejects on an error reply. */
  send(command: string, words: string[]): Promise<unknown>;
}

/** A client of Redis that can run a script. */
export type RedisClient = IoredisLike | NodeRedisLike | SendingClient;

/** How each kind of client runs scripts. The first whose function the client has is taken. */
const KINDS: readonly (readonly [string, (client: never) => ScriptRunner])[] = [
  ["send", (client: SendingClient) => ({
    evalsha: (sha, keys, args) => client.send("EVALSHA", [sha, String(keys.length), ...keys, ...args]),
    eval: (text, keys, args) => client.send("EVAL", [text, String(keys.length), ...keys, ...args]),
    del: (key) => client.send("DEL", [key]),
  })],
  ["evalSha", (client: NodeRedisLike) => ({
    evalsha: (sha, keys, args) => client.evalSha(sha, { keys, arguments: args }),
    eval: (text, keys, args) => client.eval(text, { keys, arguments: args }),
    del: (key) => client.del(key),
    slotOf: typeof client.getSlotRandomNode === "function" ? slotOf : undefined,
  })],
  ["evalsha", (client: IoredisLike) => ({
    evalsha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (text, keys, args) => client.eval(text, keys.length, ...keys, ...args),
    del: (key) => client.del(key),
    slotOf: client.isCluster ? (key) => slotOf((client.options?.keyPrefix ?? "") + key) : undefined,
  })],
];

/**
 * What a client can do for a store.
 *
 * @throws {TypeError} When it cannot run a script.
 */
export function runnerOf(client: RedisClient): ScriptRunner {
  const can = (name: string): boolean =>
    typeof (client as unknown as Record<string, unknown> | null | undefined)?.[name] === "function";
  const kind = KINDS.find(([name]) => can(name));
  if (kind !== undefined) return kind[1](client as never);
  throw new TypeError(
    refusal(
      "make redisStore()",
      `client must be able to run a script, by one of ${KINDS.map(([name]) => name).join(", ")}`,
      client,
    ),
  );
}
