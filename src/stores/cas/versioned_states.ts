/**
 * States with versions: the interface between a store that decides by compare-and-set and its database.
 *
 * @module
 */

import type { MaybePromise } from "../../maybe.ts";

/** A state, and the mark by which any change of it is noticed. */
export interface VersionedState {
  /** The value that was written: JSON. */
  readonly state: unknown;
  /** Anything but null; it never comes again for this key. */
  readonly version: unknown;
}

/** An answer of {@link VersionedStates.read}. */
export interface StatesRead {
  /** The time, epoch ms, an integer: by one clock for all who share the states, where the database has one. */
  readonly now: number;
  /** For each key, in order, its state; null where there is none. A state past its life is as good as null. */
  readonly states: readonly (VersionedState | null)[];
  /**
   * May these states be out of date, as those of a cache? Then they are written, or at least compared, before an answer is
   * believed. Default false: decisions that change nothing are not written.
   */
  readonly isGuess?: boolean;
}

/** One key of a {@link VersionedStates.write}. */
export interface StateChange {
  /** The key. */
  readonly key: string;
  /** The version that `read` gave; null where there was no state. */
  readonly version: unknown;
  /** The new state, JSON; null: forget the key. Undefined: leave it as it is, but its version must stand like the others. */
  readonly state: unknown;
  /** The least time that the state must be kept, in ms from `now`; 0 where there is none to keep. */
  readonly ttlMs: number;
}

/** States with versions, as {@link casStore} reads and writes them. */
export interface VersionedStates {
  /**
   * Reads some states.
   *
   * @param keys Distinct, sorted by code units.
   */
  read(keys: readonly string[]): MaybePromise<StatesRead>;
  /**
   * Writes all new states at once if every version still stands, and otherwise nothing at all.
   *
   * @param changes One per key that was read, in that order.
   * @param now The time that `read` gave.
   * @param lost How often the race was lost before.
   * @returns False where some version does not stand any more.
   */
  write(changes: readonly StateChange[], now: number, lost: number): MaybePromise<boolean>;
}
