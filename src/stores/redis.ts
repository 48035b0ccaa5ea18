/**
 * The store on Redis or Valkey over TCP: entry `./redis`.
 *
 * @module
 */

import { shown } from "../rate.ts";
import { type ScriptRunner, scriptStore } from "./script_store.ts";
import { type SharedStoreOptions, sharedStoreSettings } from "./shared_store_options.ts";
import { slotOf } from "./slots.ts";
import type { Store } from "./store.ts";

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

/** What {@link redisStore} takes. */
export interface RedisStoreOptions extends SharedStoreOptions {
  /** The client, connected or connecting: ioredis, iovalkey, node-redis, Bun's `RedisClient`, or what is shaped like one. */
  client: RedisClient;
}

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
    `Cannot make redisStore() as client must be able to run a script, by one of ${
      KINDS.map(([name]) => name).join(", ")
    }: current value is ${shown(client)}`,
  );
}

/**
 * Keeps states on Redis (from 6 on) or Valkey: one limit for all processes. Every request is decided by one script in
 * one round trip whatever the number of its rules, all or none, by the clock of Redis.
 *
 * Redis Cluster: the rules of one request may live in different slots. Those of one slot are decided in one call, all or
 * none; slots are asked at once, and where one refuses, what the others charged is given back by a second call. Between
 * the two a request beside it may be refused that would have passed alone, never one let pass over a limit; and a
 * process that dies between the two leaves its charge. A single node needs none of this.
 *
 * A call is never sent twice by the store: it may have been counted although its answer got lost. Let the client not do it
 * either. ioredis and iovalkey do by default: make them with `{ autoResendUnfulfilledCommands: false,
 * maxRetriesPerRequest: 0 }`. node-redis never sends again what it has sent; `{ disableOfflineQueue: true }` makes it
 * fail at once where there is no connection, and Bun's client has `{ enableOfflineQueue: false }` for that.
 *
 * @param options See {@link RedisStoreOptions}.
 * @returns The store.
 * @throws {TypeError} When an option cannot be used.
 *
 * @example With any client that can send a command
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { redisStore } from "@weir/throttle/redis";
 * import { equal } from "node:assert/strict";
 *
 * // import { Redis } from "ioredis";
 * // const client = new Redis("redis://localhost", { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
 * const client = { send: (command: string, words: string[]) => Promise.reject(new Error(`${command} went nowhere`)) };
 *
 * const throttle = createThrottle("100/min", { store: redisStore({ client }) });
 * equal(throttle.rules[0].limit, 100);
 * ```
 */
export function redisStore(options: RedisStoreOptions): Store {
  return scriptStore(runnerOf(options.client), sharedStoreSettings(options, ["client"], "redisStore()"));
}
