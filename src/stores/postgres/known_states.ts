/**
 * The states that this process has seen last: a guess at what the database holds.
 *
 * @module
 */

import type { VersionedState } from "../cas/versioned_states.ts";

const MOST_KEYS = 10_000;
/** The most text of all states together, in code units. */
const MOST_TEXT = 4_000_000;

/** How long a state that came with an answer is as good as read, in ms. */
const FRESH_MS = 50;

/** The most keys of which it is known when their states came. */
const MOST_FRESH = 1000;

/** A state of the database, and the length of its text. */
interface KnownState extends VersionedState {
  readonly size: number;
}

/** States by key: the latest ones, as many as fit. */
export interface KnownStates {
  /** The state, if it is known. */
  get(key: string): VersionedState | null;
  /** This process has written a state; `size` is the length of its text. */
  wrote(key: string, version: number, state: unknown, size: number): void;
  /** The database has answered with a state; a version of null means that there is none. */
  heard(key: string, version: number | null, state: unknown): void;
  /** Did its state come with the last answer, so that it is as good as read just now? True once per answer. */
  isFresh(key: string): boolean;
  /** The state of this key is unknown from now on. */
  forget(key: string): void;
}

/**
 * Makes a memory of states, which is empty.
 *
 * @param steady A clock in ms that never steps.
 */
export function knownStates(steady: () => number): KnownStates {
  const known = new Map<string, KnownState>();
  const heardAt = new Map<string, number>();
  let text = 0;

  function forget(key: string): void {
    const old = known.get(key);
    if (old === undefined) return;
    text -= old.size;
    known.delete(key);
  }
  function wrote(key: string, version: number, state: unknown, size: number): void {
    forget(key);
    known.set(key, { version, state, size });
    text += size;
    if (known.size <= MOST_KEYS && text <= MOST_TEXT) return;
    for (const oldest of known.keys()) {
      forget(oldest);
      if (known.size <= MOST_KEYS && text <= MOST_TEXT) break;
    }
  }
  return {
    get: (key) => known.get(key) ?? null,
    forget,
    wrote,
    heard(key, version, state) {
      if (version === null) forget(key);
      else wrote(key, version, state, JSON.stringify(state).length);
      if (heardAt.size >= MOST_FRESH) heardAt.clear();
      heardAt.set(key, steady());
    },
    isFresh(key) {
      if (heardAt.size === 0) return false;
      const at = heardAt.get(key);
      heardAt.delete(key);
      return at !== undefined && steady() - at <= FRESH_MS;
    },
  };
}
