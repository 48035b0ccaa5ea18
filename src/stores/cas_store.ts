/**
 * A store on anything that keeps values with versions.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { decidingByVersion } from "./cas/deciding.ts";
import type { StatesRead, VersionedStates } from "./cas/versioned_states.ts";
import {
  BOOLEAN,
  type Demands,
  FUNCTION,
  integer,
  required,
  requireOptions,
  TEXT,
  timerMs,
} from "../options.ts";
import type { MaybePromise } from "../maybe.ts";
import { isNotDecided } from "./not_decided.ts";
import type { Store, StorePart } from "./store.ts";

export type { StateChange, StatesRead, VersionedState, VersionedStates } from "./cas/versioned_states.ts";

/** The options of {@link casStore}. */
export interface CasStoreOptions extends VersionedStates {
  /** Forgets one key, taken literally. Default: the store has no `forget`. */
  forget?(key: string): MaybePromise<void>;
  /** Do other processes see the states? Default true. */
  shared?: boolean;
  /** The store's name in messages. Default "casStore()". */
  name?: string;
  /** The deadline of one decision, in ms: after it the rules' `onStoreFailure` answers. Default 250. */
  timeoutMs?: number;
  /** Are refusals whose end is known answered from this instance's memory until then? Default: if `shared`. */
  denyCache?: boolean;
  /** How often a decision may lose the race against other processes before the store has failed. Default 16. */
  attempts?: number;
  /** The most keys that one write has, unless one request alone has more rules. Default 100. */
  mostKeys?: number;
}

/** Made when it is asked for: bundles would keep it, and all that it calls, of a module that nobody uses. */
const demands = (): Demands<CasStoreOptions> => ({
  read: required(FUNCTION),
  write: required(FUNCTION),
  forget: FUNCTION,
  shared: BOOLEAN,
  name: TEXT,
  timeoutMs: timerMs(),
  denyCache: BOOLEAN,
  attempts: integer(1, 1000),
  mostKeys: integer(1, 100_000),
});

function refuse(demand: string, value: unknown): never {
  throw new TypeError(cannot("decide by compare-and-set", demand, value));
}

/** A state that `read` leaves out or does not parse would be taken for none, and everything would pass. */
function readable(read: StatesRead, count: number): StatesRead {
  if (!Number.isFinite(read?.now)) refuse("read must give `now`, a number of ms", read?.now);
  const { states } = read;
  if (!Array.isArray(states) || states.length !== count) {
    refuse(`read must give \`states\`, one for each of ${count} keys or null`, states);
  }
  return read;
}

function answered(isWritten: boolean): boolean {
  return typeof isWritten === "boolean" ? isWritten : refuse("write must give true or false", isWritten);
}

/**
 * Keeps states in any database that writes values only if their versions still stand: a compare-and-set over several keys. You
 * write two functions, `read` and `write`; the deciding is done here, by {@link decideChecks}. {@link postgresStore} and
 * {@link denoKvStore} are made with it.
 *
 * - **All or none.** `write` gets the states of all rules of a request, and writes all of them or none.
 * - **A lost race** is read, decided and written again, at most `attempts` times, after random pauses; then the store has
 *   failed, and the rules' `onStoreFailure` answers. Nothing was charged.
 * - **A hot key.** Questions of this process that share a key are decided together, so a process has one write of a key on its
 *   way at a time, however many requests there are: races are between processes alone.
 * - **Time.** `read` gives the time. Where the database has a clock, read that one in the same round trip; where it has none,
 *   give `Date.now()` and keep the clocks of your machines together.
 * - **Keys** are any text and come sorted, so that a database that locks rows in that order has no deadlock. Where a column
 *   cannot hold any text, keep `JSON.stringify(key)` or a hash.
 * - **Lives.** Keep each state for at least its `ttlMs`, and let the database drop it some time later.
 *
 * @param options See {@link CasStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs, attempts or mostKeys is out of its range.
 *
 * @example Over a Map that stands for a database
 * ```ts
 * import { casStore, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const rows = new Map<string, { state: string; version: number; until: number }>();
 * let versions = 0;
 * const store = casStore({
 *   read: (keys) => ({
 *     now: Date.now(),
 *     states: keys.map((key) => {
 *       const row = rows.get(key);
 *       return row === undefined ? null : { state: JSON.parse(row.state), version: row.version };
 *     }),
 *   }),
 *   write(changes, now) {
 *     if (changes.some(({ key, version }) => (rows.get(key)?.version ?? null) !== version)) return false;
 *     for (const { key, state, ttlMs } of changes) {
 *       if (state === null) rows.delete(key);
 *       else if (state !== undefined) {
 *         rows.set(key, { state: JSON.stringify(state), version: ++versions, until: now + ttlMs });
 *       }
 *     }
 *     return true;
 *   },
 * });
 * const throttle = createThrottle("1/hour", { store, client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * ```
 */
export function casStore(options: CasStoreOptions): Store {
  requireOptions(options, demands(), "make casStore()");
  const { shared = true, name = "casStore()", timeoutMs = 250, denyCache = shared } = options;
  const { attempts = 16, mostKeys = 100 } = options;
  const states: VersionedStates = {
    read: async (keys) => readable(await options.read(keys), keys.length),
    write: async (changes, now, lost) => answered(await options.write(changes, now, lost)),
  };
  const decide = decidingByVersion(states, { attempts, timeoutMs, mostKeys });
  const whole: StorePart = { name: "", ranNothing: isNotDecided };
  return {
    shared,
    name,
    deadlineMs: timeoutMs,
    denyCache,
    decide: (checks, spend = true) =>
      checks.length === 0 ? [] : decide(checks, checks.map(({ key }) => key), spend),
    partOf: () => whole,
    ...(options.forget && { forget: (key: string) => options.forget?.(key) }),
  };
}
