/**
 * A store that comes with this package, over states with versions.
 *
 * @module
 */

import { all, type MaybePromise, then } from "../../maybe.ts";
import { leasesOf } from "../leases/leases.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import type { LeasingStore, StorePart } from "../store.ts";
import { hashedKeys } from "../stored_key.ts";
import { isNotDecided } from "../not_decided.ts";
import { decidingByVersion } from "./deciding.ts";
import type { VersionedStates } from "./versioned_states.ts";

/** The options of {@link versionedStore}. */
export interface VersionedStoreOptions {
  readonly name: string;
  readonly timeoutMs: number;
  readonly denyCache: boolean;
  /** Null: partition keys are stored as they are. */
  readonly hashKeys: string | null;
  /** Null: nothing is taken ahead. */
  readonly lease: number | null;
  /** The key under which a check's state is stored, from one whose partition is hashed already. */
  keyOf(key: string): MaybePromise<string>;
  /** Forgets a stored key. */
  forget(key: string): MaybePromise<void>;
  /** See {@link StorePart.probe}. */
  readonly probe?: () => Promise<unknown>;
  /** See {@link StorePart.ranNothing}. */
  readonly ranNothing?: (error: unknown) => boolean;
  /** The clock that dates decisions, where this process can read it. */
  readonly clock?: (() => number) | undefined;
  /** The most keys of one write. Default 100. */
  readonly mostKeys?: number;
  /** Looks at a throttle's rules. */
  readonly prepare?: (rules: readonly CompiledRule[]) => void;
}

/** How often a race may be lost, as each loser knows at once what to write upon. */
const ATTEMPTS = 32;

/** A store over states with versions. */
export function versionedStore(states: VersionedStates, options: VersionedStoreOptions): LeasingStore {
  const { name, timeoutMs, denyCache, hashKeys, lease, probe, ranNothing, clock, prepare } = options;
  const hashed = hashKeys === null ? (key: string) => key : hashedKeys(hashKeys);
  const keyOf = (key: string): MaybePromise<string> => then(hashed(key), options.keyOf);
  const decide = decidingByVersion(states, {
    attempts: ATTEMPTS,
    timeoutMs,
    mostKeys: options.mostKeys ?? 100,
  });
  const leases = lease === null ? null : leasesOf(lease);
  const whole: StorePart = {
    name: "",
    ...(probe && { probe }),
    ranNothing: (error) => isNotDecided(error) || (ranNothing?.(error) ?? false),
  };
  const store: LeasingStore = {
    shared: true,
    name,
    deadlineMs: timeoutMs,
    denyCache,
    clock,
    leases: leases?.over ?? null,
    partOf: () => whole,
    ...(prepare && { prepare }),
    decide(checks, spend = true) {
      if (checks.length === 0) return [];
      return then(all(checks.map(({ key }) => keyOf(key))), (keys) => decide(checks, keys, spend));
    },
    async forget(key) {
      await options.forget(await keyOf(key));
    },
    close: () => leases?.close(store),
  };
  return store;
}
