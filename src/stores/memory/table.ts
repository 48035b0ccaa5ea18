/**
 * The interface of a shelf: where a memory store keeps the states of one kind of algorithm.
 *
 * @module
 */

import type { Cursor } from "./cursor.ts";
import type { SplitCheck } from "../store.ts";

/** How many keys the shelves of one store hold together, and may. */
export interface Capacity {
  /** Keys held. */
  held: number;
  /** The most that may be. */
  readonly most: number;
}

/** Keeps states by key. */
export interface Table {
  /** Goes to a check's key, and to the state that it has. */
  find(cursor: Cursor, check: SplitCheck, now: number): void;
  /** Steps a check, at a cost, from the state that was found. */
  step(place: Cursor, check: SplitCheck, now: number, cost: number): void;
  /**
   * Keeps what the step says to remember where its check's key was found, whatever came in between. A new key takes the
   * room of one that has expired, else of the one that has used least, but never of one with nothing left.
   *
   * @returns False when there is no room.
   */
  save(place: Cursor, check: SplitCheck, now: number): boolean;
  /** Is there room for the key of a place, once what may go has gone? */
  makeRoom(place: Cursor, now: number): boolean;
  /** What the step says to remember, to be kept elsewhere. */
  take(place: Cursor): unknown;
  /** The other way round: a state from elsewhere to step from. */
  give(place: Cursor, state: unknown): void;
  /** Forgets a key. */
  forget(key: string): void;
}
