/**
 * The store on Postgres: entry `./postgres`.
 *
 * @module
 */

import { BOOLEAN, requireOptions } from "../../options.ts";
import { boundedKeys } from "../bounded_key.ts";
import { CLIENT, codeOf, type PostgresClient, runnerOf } from "./postgres_client.ts";
import { postgresStates } from "./postgres_states.ts";
import { TABLE } from "./schema.ts";
import {
  SHARED_STORE_DEMANDS,
  type SharedStoreOptions,
  sharedStoreSettings,
} from "../shared_store_options.ts";
import type { Store } from "../store.ts";
import { versionedStore } from "../cas/versioned_store.ts";

export type { PostgresClient, QueryingClient, UnsafeClient } from "./postgres_client.ts";
export { type SchemaOptions, schemaSql } from "./schema.ts";
export type { SharedStoreOptions };

/** The options of {@link postgresStore}. */
export interface PostgresStoreOptions extends Omit<SharedStoreOptions, "prefix"> {
  /** The client: `pg` (Pool or Client), `postgres`, PGlite, Neon's `neon()` or Pool, Bun's `SQL`. */
  client: PostgresClient;
  /** The table, with its schema where it needs one. Stores on one table share their counters. Default "weir". */
  table?: string;
  /**
   * Does a decision wait until its charge is on the server's disk? Default false: when the database server crashes, the
   * charges of about its last half second may be lost. A restart of the server, and a crash of an instance, lose none.
   */
  durable?: boolean;
}

/**
 * Codes of errors by which Postgres ran nothing, or undid it: all but those of connections, of a server that ends, and internal
 * ones, by which poolers report a connection too. Codes of the operating system, such as EPIPE, begin with an E.
 */
const UNDONE = /^(?!08|57P|58|XX|E)[0-9A-Z]{5}$/;

/** Codes by which clients report that there was no server. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "ERR_POSTGRES_CONNECTION_REFUSED",
  "CONNECT_TIMEOUT",
]);

/** Messages by which a Pool of `pg` reports, without a code, that it had no connection in time. */
const NO_CONNECTION =
  /^(?:timeout exceeded when trying to connect|Connection terminated due to connection timeout)$/;

/** Does this error mean that nothing was written? */
function ranNothing(error: unknown): boolean {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : "";
  return UNDONE.test(code) || NOT_SENT.has(code) || code === "57P03" || NO_CONNECTION.test(message);
}

/**
 * Keeps states in a table of Postgres (from 13 on): one limit for all processes, without another server. All rules of a request
 * are decided all or none, by the clock of Postgres; decisions asked for at the same moment share one statement.
 *
 * - **One statement per decision** is the common case: an instance remembers the states that it saw last, and writes the next
 *   ones on condition that they are still those. Where another instance was faster, the same statement answers with what is
 *   there, and the next one writes. A hot key that several instances write takes about one statement more for each of them.
 * - **No locks.** No transaction, session state, prepared statement or advisory lock outlives the statement, so the store works
 *   behind PgBouncer in transaction mode, and a process that dies leaves nothing behind. Rows are locked in one order: calls
 *   never wait for each other crosswise. A row that somebody else has locked is waited for no longer than `timeoutMs`.
 * - **The table** is made at the first request, if the user may; {@link schemaSql} is the same for a migration. Rows whose time
 *   is over are deleted a few at a time, as new ones come.
 * - **The database** has the encoding UTF8, as most have. One of another encoding, such as LATIN1, cannot hold every key, and a
 *   decision about such a key fails, as do those that share its statement: clients that choose their keys could make it fail.
 * - **Connections.** A pool of two is enough: at most two statements are under way, and decisions that come meanwhile share the
 *   next one. Give the store a pool of its own where the application's may run out: a request would wait for it.
 *
 * Let the client not wait for long for a server that is gone: `new Pool({ connectionTimeoutMillis: 1000 })` of `pg`,
 * `postgres(url, { connect_timeout: 1, fetch_types: false })`. Give a Pool of `pg` an `error` listener: without one, an idle
 * connection that breaks ends the process. So does one of `postgres` that breaks while it asks for types.
 *
 * @param options See {@link PostgresStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs or lease is out of its range.
 *
 * @example With any client that runs statements
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { postgresStore } from "@weir/throttle/postgres";
 * import { equal } from "node:assert/strict";
 *
 * // import { Pool } from "pg";
 * // const client = new Pool({ connectionString: url, connectionTimeoutMillis: 1000 });
 * const client = { query: (text: string) => Promise.reject(new Error(`${text} went nowhere`)) };
 *
 * const throttle = createThrottle("100/min", { store: postgresStore({ client }) });
 * equal(throttle.rules[0].limit, 100);
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): Store {
  const { prefix: _, ...demands } = SHARED_STORE_DEMANDS;
  requireOptions<PostgresStoreOptions>(
    options,
    { client: CLIENT, table: TABLE, durable: BOOLEAN, ...demands },
    "make postgresStore()",
  );
  const { client, table = "weir", durable = false, ...shared } = options;
  const settings = sharedStoreSettings(shared, "postgresStore()");
  const states = postgresStates({ run: runnerOf(client), table, durable, waitMs: settings.timeoutMs });
  return versionedStore(states, {
    ...settings,
    // The table is the store's own, so keys need no prefix.
    keyOf: boundedKeys(),
    forget: states.forget,
    probe: states.probe,
    ranNothing,
  });
}
