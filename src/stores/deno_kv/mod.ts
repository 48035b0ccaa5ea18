/**
 * The store on Deno KV: entry `./deno-kv`.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import { type Demands, having, required, requireOptions, typeShown } from "../../options.ts";
import { boundedKeys } from "../bounded_key.ts";
import type { StateChange, VersionedState, VersionedStates } from "../cas/versioned_states.ts";
import { versionedStore } from "../cas/versioned_store.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import {
  SHARED_STORE_DEMANDS,
  type SharedStoreOptions,
  sharedStoreSettings,
} from "../shared_store_options.ts";
import type { Store } from "../store.ts";

export type { SharedStoreOptions };

/** An entry of Deno KV. */
export interface KvEntryLike {
  /** The value; null where there is none. */
  readonly value: unknown;
  /** The version; null where there is none. */
  readonly versionstamp: string | null;
}

/** An atomic operation of Deno KV, as far as the store uses it. */
export interface KvAtomicLike {
  /** Demands versions. */
  check(...checks: { readonly key: string[]; readonly versionstamp: string | null }[]): KvAtomicLike;
  /** Writes a value that lives for so many ms. */
  set(key: string[], value: unknown, options?: { expireIn?: number }): KvAtomicLike;
  /** Deletes a key. */
  delete(key: string[]): KvAtomicLike;
  /** Does all of it, or nothing where a version does not stand. */
  commit(): Promise<{ readonly ok: boolean }>;
}

/** The members of Deno's `Kv` that the store uses. */
export interface KvLike {
  /** Reads some keys. */
  // deno-lint-ignore no-explicit-any -- the types of entries are the caller's in Deno's own declaration
  getMany(keys: string[][], options?: { consistency?: "strong" }): Promise<any>;
  /** Begins an atomic operation. */
  // deno-lint-ignore no-explicit-any -- a class of Deno's, of which the store uses a part
  atomic(): any;
  /** Deletes a key. */
  delete(key: string[]): Promise<void>;
}

/** The options of {@link denoKvStore}. */
export interface DenoKvStoreOptions extends SharedStoreOptions {
  /** The database: `await Deno.openKv()`. */
  kv: KvLike;
}

/** The most keys that Deno KV reads at once. */
const MAX_READ = 10;
/** The most versions that it compares in one operation. */
const MAX_CHECKED = 100;
/** How much longer than its state a value stays, in ms, as instances go by their own clocks. */
const SLACK_MS = 60_000;
/** A log of more entries is larger than the 64 KiB that a value of Deno KV may have. */
const MAX_LOG = 5000;

/** @throws {TypeError} When a rule's state can be larger than a value. */
function requireSmall(rules: readonly CompiledRule[]): void {
  for (const { name, limit, implementation } of rules) {
    if (implementation.name !== "sliding-log" || limit === null || limit <= MAX_LOG) continue;
    const why =
      `a value of Deno KV holds a sliding log of at most ${MAX_LOG} requests (slidingWindow() has the same bound)`;
    throw new TypeError(cannot(`use rule "${name}" on denoKvStore()`, why, limit));
  }
}

/** The longest pause before a file is tried again that another process writes, in ms. */
const LOCKED_PAUSE_MS = 5;

/** On a machine Deno KV is a file of SQLite, and does not wait while another process writes to it: then it did nothing. */
function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is locked|database table is locked/.test(error.message);
}

/** Runs a function, again while another process writes to the file: for `patienceMs`, in which it did nothing. */
async function whenUnlocked<T>(run: () => Promise<T>, patienceMs: number): Promise<T> {
  const steady = () => performance.now();
  const begun = steady();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isLocked(error) || steady() - begun > patienceMs) throw error;
      await new Promise((over) => setTimeout(over, Math.random() * LOCKED_PAUSE_MS));
    }
  }
}

function statesIn(kv: KvLike, prefix: string, clock: () => number, patienceMs: number): VersionedStates {
  const pathOf = (key: string): string[] => [prefix, key];

  async function readSome(keys: readonly string[]): Promise<(VersionedState | null)[]> {
    const paths = keys.map(pathOf);
    const entries: readonly KvEntryLike[] = await whenUnlocked(
      () => kv.getMany(paths, { consistency: "strong" }),
      patienceMs,
    );
    return entries.map(({ value, versionstamp }) =>
      versionstamp === null ? null : { state: value, version: versionstamp }
    );
  }

  return {
    async read(keys) {
      const parts = [];
      for (let i = 0; i < keys.length; i += MAX_READ) parts.push(readSome(keys.slice(i, i + MAX_READ)));
      const states = (await Promise.all(parts)).flat();
      // Parts that are read one by one are only sure once they are compared together.
      return { now: clock(), states, isGuess: parts.length > 1 };
    },
    async write(changes: readonly StateChange[], now) {
      const atomic: KvAtomicLike = kv.atomic();
      for (const { key, version, state, ttlMs } of changes) {
        const path = pathOf(key);
        atomic.check({ key: path, versionstamp: version as string | null });
        if (state === null) atomic.delete(path);
        else if (state !== undefined) {
          atomic.set(path, state, { expireIn: Math.max(0, ttlMs + now - clock()) + SLACK_MS });
        }
      }
      return (await whenUnlocked(() => atomic.commit(), patienceMs)).ok;
    },
  };
}

/**
 * Keeps states in Deno KV: on Deno Deploy one limit for all isolates of all regions, on a machine one for all processes that
 * open the same file. All rules of a request are decided all or none, by one strong read and one atomic write.
 *
 * - **A hot key** costs one read and one write after the other, whatever the number of requests: those of one isolate that come
 *   while a write is on its way are decided together by the next one. Isolates race by versionstamps; a lost race is tried
 *   again, at most 32 times and until `timeoutMs` has passed. Nothing over the limit passes.
 * - **Time** is that of the instance, as Deno KV has no clock that can be read. Clocks that differ by a second shift a window by
 *   a second.
 * - **Expiry** is Deno KV's own (`expireIn`), a minute after a state has come to mean nothing.
 * - **Sizes.** A value has at most 64 KiB: a rule with slidingLog() and a limit above 5000 is refused.
 *
 * On a machine Deno KV is a file that one process writes at a time, and each write waits for the disk. Where several processes of a
 * machine share a limit, `sqliteStore()` is far faster.
 *
 * On Deno Deploy a write goes to the primary region: from far away it takes longer than the default `timeoutMs` of 250 ms
 * allows for. Set it by what a write takes there.
 *
 * @param options See {@link DenoKvStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs or lease is out of its range.
 *
 * @example With the database of the deployment
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { denoKvStore, type KvLike } from "@weir/throttle/deno-kv";
 * import { equal } from "node:assert/strict";
 *
 * // const kv = await Deno.openKv();
 * const away = () => Promise.reject(new Error("no database here"));
 * const kv: KvLike = { getMany: away, delete: away, atomic: () => ({ commit: away }) };
 *
 * const throttle = createThrottle("100/min", { store: denoKvStore({ kv }) });
 * equal(throttle.rules[0].limit, 100);
 * ```
 */
export function denoKvStore(options: DenoKvStoreOptions): Store {
  requireOptions(
    options,
    {
      kv: required(having("atomic", "a database of Deno KV", typeShown)),
      ...SHARED_STORE_DEMANDS,
    } satisfies Demands<DenoKvStoreOptions>,
    "make denoKvStore()",
  );
  const { kv, ...shared } = options;
  const settings = sharedStoreSettings(shared, "denoKvStore()");
  const clock = Date.now;
  return versionedStore(statesIn(kv, settings.prefix, clock, settings.timeoutMs), {
    ...settings,
    keyOf: boundedKeys(),
    forget: (key) => whenUnlocked(() => kv.delete([settings.prefix, key]), settings.timeoutMs),
    ranNothing: isLocked,
    clock,
    mostKeys: MAX_CHECKED,
    prepare: requireSmall,
  });
}
