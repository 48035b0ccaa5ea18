/**
 * The store on Redis or Valkey over TCP: entry `./redis`.
 *
 * @module
 */

import { requireOptions } from "../../options.ts";
import { CLIENT, type RedisClient, runnerOf } from "./redis_clients.ts";
import { scriptStore } from "./script_store.ts";
import {
  SHARED_STORE_DEMANDS,
  type SharedStoreOptions,
  sharedStoreSettings,
} from "../shared_store_options.ts";
import type { Store } from "../store.ts";

export type { IoredisLike, NodeRedisLike, RedisClient, SendingClient } from "./redis_clients.ts";
export type { SharedStoreOptions };

/** The options of {@link redisStore}. */
export interface RedisStoreOptions extends SharedStoreOptions {
  /** The client, connected or connecting: ioredis, iovalkey, node-redis, Bun's `RedisClient`, or an object of its shape. */
  client: RedisClient;
}

/**
 * Keeps states on Redis (from 6 on) or Valkey: one limit for all processes. Every request is decided by one script in
 * one round trip whatever the number of its rules, all or none, by the clock of Redis. Decisions asked for at the same
 * moment go together, up to 16 checks in each command: while Redis works on one, the answers of another are read.
 *
 * Redis Cluster: the rules of one request may live in different slots. Rules of one slot are decided in one call, all
 * or none; slots are asked at once, and where one refuses, the charges of the others are given back by a second call. Between
 * the two a request beside it may be refused that would have passed alone, never one let pass over a limit; and a
 * process that dies between the two leaves its charge. A single node needs none of this.
 *
 * A call is never sent twice by the store: it may have been counted although its answer got lost. Let the client not do it
 * either. ioredis and iovalkey do by default: make them with `{ autoResendUnfulfilledCommands: false,
 * maxRetriesPerRequest: 0 }`, a Cluster with these as its `redisOptions` and `retryDelayOnFailover: 0` beside them. node-redis
 * never sends a command twice; `{ disableOfflineQueue: true }` makes it
 * fail at once where there is no connection, and Bun's client has `{ enableOfflineQueue: false }` for that.
 *
 * After a fail-over a client may stay with the server that it knows, now a replica that only reads, or one that is gone:
 * - ioredis, iovalkey: `reconnectOnError: (error) => error.message.includes("READONLY")` connects anew, by a name that leads to
 *   the new master. With Sentinel (`sentinels`, `name`) they find it themselves; so does a Cluster.
 * - node-redis connects anew only when its connection ends: where a fail-over leaves it open, call the client's `destroy` and
 *   `connect` when an observer gets a READONLY error. `createSentinel` and `createCluster` find the new master themselves.
 * - Bun's client gives up for good when it could not connect for about half a minute; the store then calls its `connect`
 *   once per second, as long as there are requests.
 *
 * Give limits a Redis of their own, with `maxmemory-policy noeviction`: where a cache beside them makes Redis evict keys, as
 * `allkeys-lru` and the `volatile-` policies do, limits begin anew in silence. When memory runs out, charges fail, and the
 * rules' `onStoreFailure` decides.
 *
 * A user of Redis (ACL) needs no more than `~weir:* +evalsha +eval +get +set +del +pttl +hget +hset +hdel +pexpire +time`, with the store's `prefix` for
 * `weir`. Give it `+incrby +setrange` too: a fixed window and `gcra` take less of Redis's time then, and without them `ACL LOG` gets a line
 * for each of their decisions. Shared statistics, `stats({ store })`, write more than that.
 *
 * @param options See {@link RedisStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs or lease is out of its range.
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
  requireOptions(options, { client: CLIENT, ...SHARED_STORE_DEMANDS }, "make redisStore()");
  return scriptStore(runnerOf(options.client), sharedStoreSettings(options, "redisStore()"));
}
