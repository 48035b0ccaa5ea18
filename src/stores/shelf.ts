/**
 * The interface of a shelf: where a memory store keeps the states of one kind of algorithm.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import type { Check } from "./store.ts";

/** How many keys the shelves of one store hold together, and may. */
export interface Room {
  /** Keys held. */
  held: number;
  /** The most that may be. */
  readonly most: number;
}

/** Where a check's key is kept, or would be: what a shelf hands out to be given it again. */
export interface Place {
  /** The state that the key has, or null. A packed one may be past its time, which its algorithm then sees. */
  state: unknown;
}

/** Keeps states by key. */
export interface Shelf {
  /** Goes to a check's key. */
  load(check: Check, now: number): Place;
  /**
   * Keeps what a step says to remember at the place that was loaded for its check, whatever came in between. A new key
   * takes the room of one that has expired, else of the one that has used least, but never of one with nothing left.
   *
   * @returns False when there is no room.
   */
  save(place: Place, check: Check, step: Step, now: number): boolean;
  /** Is there room for the key of a place, once what may go has gone? */
  makeRoom(place: Place, now: number): boolean;
  /** Forgets a key. */
  forget(key: string): void;
}

/** How many entries are looked at for one that may go: a bound on the time of a request. */
export const LOOKS = 64;
