/**
 * The states that this process has seen last: a guess at what the database holds.
 *
 * @module
 */

import type { VersionedState } from "../cas/versioned_states.ts";

const MOST_KEYS = 10_000;
/** The most text of all states together, in code units. */
const MOST_TEXT = 4_000_000;

/** A state of the database, and the length of its text. */
export interface KnownState extends VersionedState {
  readonly version: number;
  readonly size: number;
}

/** States by key: the latest ones, as many as fit. */
export interface KnownStates {
  get(key: string): KnownState | undefined;
  set(key: string, state: KnownState): void;
  delete(key: string): void;
}

/** Knows nothing yet. */
export function knownStates(): KnownStates {
  const known = new Map<string, KnownState>();
  let text = 0;
  function drop(key: string): void {
    text -= known.get(key)?.size ?? 0;
    known.delete(key);
  }
  return {
    get: (key) => known.get(key),
    delete: drop,
    set(key, state) {
      drop(key);
      known.set(key, state);
      text += state.size;
      for (const oldest of known.keys()) {
        if (known.size <= MOST_KEYS && text <= MOST_TEXT) break;
        drop(oldest);
      }
    },
  };
}
