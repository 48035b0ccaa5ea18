/**
 * The store on Upstash Redis, over HTTP: entry `./upstash`.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import { type Demand, required, requireOptions } from "../../options.ts";
import { env } from "../../runtime.ts";
import { inTime } from "../wrappers/late_answer.ts";
import { scriptStore } from "../redis/script_store.ts";
import {
  SHARED_STORE_DEMANDS,
  type SharedStoreOptions,
  sharedStoreSettings,
} from "../shared_store_options.ts";
import type { Store } from "../store.ts";
import { CLIENT, clientOf, runnerOf, TOKEN, type UpstashClient, URL_TEXT } from "./upstash_client.ts";

export type { SharedStoreOptions, UpstashClient };

/** The address of the database, or a client of one's own. */
export type UpstashConnection =
  | {
    /** The REST URL: "https://…upstash.io". */
    url: string;
    /** The REST token, one that may write. */
    token: string;
    /** Not beside url and token. */
    client?: never;
  }
  | {
    /** A client of one's own, taken as it is: mind {@link upstashStore}'s word on retries. */
    client: UpstashClient;
    /** Not beside a client. */
    url?: never;
    /** Not beside a client. */
    token?: never;
  };

/** The options of {@link upstashStore}. */
export type UpstashStoreOptions = UpstashConnection & SharedStoreOptions;

function storeOf(options: UpstashStoreOptions): Store {
  // Without a client of one's own both of these are needed to make one.
  const needed = options?.client === undefined ? required : (demand: Demand): Demand => demand;
  const connection = { url: needed(URL_TEXT), token: needed(TOKEN), client: CLIENT };
  requireOptions(options, { ...connection, ...SHARED_STORE_DEMANDS }, "make upstashStore()");
  const settings = sharedStoreSettings(options, "upstashStore()");
  const { url, token, client } = options;
  const { timeoutMs } = settings;
  const store = scriptStore(
    runnerOf(client ?? clientOf(url as string, token as string, timeoutMs)),
    settings,
  );
  const late = `The database did not answer in time, within ${timeoutMs} ms`;
  return { ...store, decide: (checks, spend) => inTime(store.decide(checks, spend), timeoutMs, late) };
}

function variable(name: string): string {
  const value = env(name);
  if (value !== undefined && value !== "") return value;
  throw new TypeError(
    cannot("make upstashStore.fromEnv()", `${name} must be set in the environment`, value),
  );
}

/** {@link upstashStore}. */
export interface UpstashStoreFactory {
  /** The store of the database at `url`, or of a client of one's own. */
  (options: UpstashStoreOptions): Store;
  /**
   * The store of the database that the environment names, in `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`.
   *
   * @throws {TypeError} When a variable is not set, on an option that does not exist, or a value that cannot be used.
   * @throws {RangeError} When timeoutMs or lease is out of its range.
   */
  fromEnv(options?: SharedStoreOptions): Store;
}

/**
 * Keeps states on Upstash Redis: one limit for all processes, wherever they run. Every request is decided by one script in
 * one HTTP request whatever the number of its rules, all or none, by the clock of the database; decisions asked for at
 * the same moment share that request, and up to 128 of their checks one command of it, which is what Upstash counts.
 *
 * A call is never sent twice: it may have been counted although its answer got lost. With `url` and `token` the store calls
 * `fetch` itself, and retries nothing. A client of your own is used as it is: make it with `retry: { retries: 0 }`
 * (`retry: false` still retries once) and `signal: () => AbortSignal.timeout(ms)`, a function, some seconds longer than
 * `timeoutMs`: a charge whose answer comes later than that deadline is given back, if it is heard. Deno's `fetch`, and at
 * times Bun's, sends a request again by itself when its connection is reset; nothing here can stop that, and it errs on
 * refusing (but for a charge that is given back twice).
 *
 * @param options See {@link UpstashStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs or lease is out of its range.
 *
 * @example
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { upstashStore } from "@weir/throttle/upstash";
 * import { equal } from "node:assert/strict";
 *
 * const store = upstashStore({ url: "https://example.upstash.io", token: "its-rest-token" }); // or upstashStore.fromEnv()
 * const throttle = createThrottle("100/min", { store });
 * equal(throttle.rules[0].limit, 100);
 * ```
 */
export const upstashStore: UpstashStoreFactory = Object.assign(storeOf, {
  fromEnv: (options: SharedStoreOptions = {}): Store =>
    storeOf({
      ...options,
      url: variable("UPSTASH_REDIS_REST_URL"),
      token: variable("UPSTASH_REDIS_REST_TOKEN"),
    }),
});
