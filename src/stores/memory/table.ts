/**
 * The interface of a table: where a memory store keeps the states of one kind of algorithm.
 *
 * @module
 */

import type { Verdict } from "../../decision.ts";
import type { Cursor } from "./cursor.ts";
import type { SplitCheck } from "../store.ts";

/** The number of keys that the tables of one store hold together, and may hold. */
export interface Capacity {
  /** Keys held. */
  held: number;
  /** The most that may be. */
  readonly most: number;
}

/** Keeps states by key. */
export interface Table {
  /** Goes to a check's key. */
  seek(cursor: Cursor, check: SplitCheck): void;
  /**
   * Goes to a check's key and charges it where its algorithm counts, and a window is open there that it fits into: that changes one
   * number, where it is. A cost below 0 takes it back.
   *
   * @param verdict Receives the verdict.
   * @returns Is it charged? Where not, nothing has changed, and a step is to decide.
   */
  charge(cursor: Cursor, check: SplitCheck, now: number, cost: number, verdict: Verdict): boolean;
  /** Reads the state of the key, if there is one. */
  read(cursor: Cursor, now: number): void;
  /** Steps a check, at a cost, from the state that was read. */
  step(cursor: Cursor, check: SplitCheck, now: number, cost: number): void;
  /**
   * Keeps the step's new state where its check's key was found, whatever came in between. A new key takes the
   * room of one that has expired, else of the one that has used least, but never of one with nothing left.
   *
   * @returns False when there is no room.
   */
  save(cursor: Cursor, check: SplitCheck, now: number): boolean;
  /** Makes room for the key of a cursor. Is there room then? */
  makeRoom(cursor: Cursor, now: number): boolean;
  /** The step's new state, to be kept elsewhere. */
  take(cursor: Cursor): unknown;
  /** The other way round: a state from elsewhere to step from. */
  give(cursor: Cursor, state: unknown): void;
  /** Forgets a key. */
  forget(key: string): void;
}
