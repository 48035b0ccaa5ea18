/**
 * The states that this process has seen last: a guess at what the database holds.
 *
 * @module
 */

import type { VersionedState } from "../cas/versioned_states.ts";

/** The most keys, and the most text of all states together in code units, of each of two generations. */
const MAX_KEYS = 5000;
const MAX_TEXT = 2_000_000;

/** How long a state that came with an answer is as good as read, in ms. */
const FRESH_MS = 50;

/** The most keys whose states' times of arrival are kept. */
const MAX_FRESH = 1000;

/** A state of the database, as this process has seen it last. */
export class KnownState implements VersionedState {
  readonly state: unknown;
  /** The state as JSON. */
  readonly json: string;
  /** Its version, in digits. */
  readonly digits: string;

  constructor(state: unknown, json: string, digits: string) {
    this.state = state;
    this.json = json;
    this.digits = digits;
  }

  /** A write upon this state needs its version, and the state itself to undo that. */
  get version(): KnownState {
    return this;
  }
}

/** States by key: the latest ones, as many as fit. */
export interface KnownStates {
  /** The state, if it is known. */
  get(key: string): KnownState | null;
  /** This process has written a state. */
  wrote(key: string, version: string, state: unknown, json: string): void;
  /** The database has answered with a state; a version of null means that there is none. */
  heard(key: string, version: string | null, state: unknown): void;
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
  // Two generations, as a key that moves to the end of one Map with each write costs more than it keeps.
  let known = new Map<string, KnownState>();
  let older = new Map<string, KnownState>();
  let text = 0;
  const heardAt = new Map<string, number>();

  function forget(key: string): void {
    text -= known.get(key)?.json.length ?? 0;
    known.delete(key);
    older.delete(key);
  }
  function wrote(key: string, version: string, state: unknown, json: string): void {
    text += json.length - (known.get(key)?.json.length ?? 0);
    known.set(key, new KnownState(state, json, version));
    if (known.size <= MAX_KEYS && text <= MAX_TEXT) return;
    older = known;
    known = new Map();
    text = 0;
  }
  return {
    get: (key) => known.get(key) ?? older.get(key) ?? null,
    forget,
    wrote,
    heard(key, version, state) {
      if (version === null) forget(key);
      else wrote(key, version, state, JSON.stringify(state));
      if (heardAt.size >= MAX_FRESH) heardAt.clear();
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
