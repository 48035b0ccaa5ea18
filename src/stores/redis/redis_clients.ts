/**
 * Clients of Redis over TCP, and how each of them runs a script.
 *
 * @module
 */

import type { ScriptRunner } from "./script_runner.ts";
import { clusterOf } from "./cluster.ts";
import { slotOf } from "./cluster_slot.ts";
import { type Demand, hidden } from "../../options.ts";

/** The members of ioredis and iovalkey that the store uses: a single client or a Cluster. */
export interface IoredisLike {
  /** Runs a script that the server has. */
  evalsha(sha: string, keyCount: number, ...words: string[]): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keyCount: number, ...words: string[]): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
  /** Is it a Cluster? */
  readonly isCluster?: boolean;
  /** The options it was made with. */
  readonly options?: { readonly keyPrefix?: string | undefined };
  /** The state of its connection: "ready" when commands go out at once. */
  readonly status?: string;
  /** Of a Cluster: the addresses of each slot's nodes, its master first. */
  readonly slots?: readonly (readonly string[])[];
  /** Of a Cluster: the clients of its nodes. */
  nodes?(role: "master"): readonly {
    readonly options: { readonly host?: string | undefined; readonly port?: number | undefined };
    readonly status: string;
  }[];
}

/** The members of node-redis that the store uses: a single client or a cluster. */
export interface NodeRedisLike {
  /** Runs a script that the server has. */
  evalSha(sha: string, words: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, words: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
  /** A cluster has it, a single client has not. */
  readonly getSlotRandomNode?: unknown;
  /** Do commands go out at once? */
  readonly isReady?: boolean;
  /** Of a cluster: the nodes of each slot. */
  readonly slots?: readonly { readonly master: { readonly address: string } }[];
  /** Of a cluster: the clients of its nodes, by address. */
  readonly nodeByAddress?: {
    get(address: string): { readonly client?: { readonly isReady?: boolean } | undefined } | undefined;
  };
}

/** The members of Bun's `RedisClient` that the store uses; also the shape to give any other client, in one function. */
export interface SendingClient {
  /** Sends a command with its words; rejects on an error reply. */
  send(command: string, words: string[]): Promise<unknown>;
  /** Is there a connection? Bun's client has this property. */
  readonly connected?: boolean;
  /** Connects: Bun's client needs this call once it has given up. */
  connect?(): Promise<unknown>;
}

/** A client of Redis that can run a script. */
export type RedisClient = IoredisLike | NodeRedisLike | SendingClient;

function ofSending(client: SendingClient): ScriptRunner {
  return {
    evalsha: (sha, keys, args) => client.send("EVALSHA", [sha, String(keys.length), ...keys, ...args]),
    eval: (text, keys, args) => client.send("EVAL", [text, String(keys.length), ...keys, ...args]),
    del: (key) => client.send("DEL", [key]),
    isConnected: () => client.connected !== false,
    // It tries for half a minute, and then never again unless `connect` is called.
    connect: client.connect === undefined ? undefined : async () => await client.connect?.(),
  };
}

function ofNodeRedis(client: NodeRedisLike): ScriptRunner {
  const isCluster = typeof client.getSlotRandomNode === "function";
  return {
    evalsha: (sha, keys, args) => client.evalSha(sha, { keys, arguments: args }),
    eval: (text, keys, args) => client.eval(text, { keys, arguments: args }),
    del: (key) => client.del(key),
    cluster: isCluster ? clusterOf(slotOf, (slot) => client.slots?.[slot]?.master.address) : undefined,
    isConnected: (node) =>
      isCluster ? client.nodeByAddress?.get(node)?.client?.isReady !== false : client.isReady !== false,
  };
}

/** Its sentence is about the option `maxRetriesPerRequest`, which is right, and not about the connection, which is gone. */
function plainErrorOfIoredis(cause: unknown): unknown {
  const { name, message } = (cause ?? {}) as Partial<Error>;
  return name === "MaxRetriesPerRequestError"
    ? new Error(`The client has no connection to Redis, so it says: ${message}`, { cause })
    : cause;
}

function ofIoredis(client: IoredisLike): ScriptRunner {
  const { isCluster = false } = client;
  const nodeClient = (address: string) =>
    client.nodes?.("master").find(({ options: { host, port } }) => `${host}:${port}` === address);
  const isReady = (status: string | undefined): boolean => status === undefined || status === "ready";
  return {
    evalsha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (text, keys, args) => client.eval(text, keys.length, ...keys, ...args),
    del: (key) => client.del(key),
    plainError: plainErrorOfIoredis,
    cluster: isCluster
      ? clusterOf(
        (key) => slotOf((client.options?.keyPrefix ?? "") + key),
        (slot) => client.slots?.[slot]?.[0],
      )
      : undefined,
    isConnected: (node) => isReady(isCluster ? nodeClient(node)?.status ?? "none" : client.status),
  };
}

/** The kinds of clients, and the way in which each runs scripts. The first kind whose function the client has is taken. */
const KINDS: readonly (readonly [string, (client: never) => ScriptRunner])[] = [
  ["send", ofSending],
  ["evalSha", ofNodeRedis],
  ["evalsha", ofIoredis],
];

const kindOf = (client: unknown) =>
  KINDS.find(([name]) =>
    typeof (client as Record<string, unknown> | null | undefined)?.[name] === "function"
  );

/** The methods that run scripts, one per kind of client. */
const METHODS = /* @__PURE__ */ KINDS.map(([name]) => name).join(", ");

/** The demand on the option `client`. */
export const CLIENT: Demand = {
  must: `able to run a script, by one of ${METHODS} (a client of Bun, node-redis, ioredis or iovalkey)`,
  holds: (client) => kindOf(client) !== undefined,
  shows: hidden, // the address of a Redis in its place may have a password
  presence: "required",
};

/**
 * The most keys of a call: 32 decisions that are asked at the same moment go in two calls, and while Redis works on one, this
 * process reads the answers of the other and asks again. That passes half as much again as one call does.
 */
const MAX_KEYS = 16;

/** How a client that is a {@link CLIENT} runs scripts. */
export function runnerOf(client: RedisClient): ScriptRunner {
  const [, runner] = kindOf(client)!;
  return { mostKeys: MAX_KEYS, ...runner(client as never) };
}
