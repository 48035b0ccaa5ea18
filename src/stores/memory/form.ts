/**
 * The interface of a form of states: how a table keeps them in its slots, and steps them.
 *
 * @module
 */

import type { Stepped } from "../../algorithms/algorithm.ts";
import type { Cursor } from "./cursor.ts";
import type { Segment } from "./segment.ts";

/** A form. */
export interface Form {
  /** The numbers that a slot has for a state. */
  readonly width: number;
  /** Has a slot anything else? */
  readonly hasObjects: boolean;
  /** Copies the state in a slot to a cursor, where later changes of the slot do not reach it. */
  read(cursor: Cursor, segment: Segment, slot: number, now: number): void;
  /** Steps a check from the state at a cursor, if there is one. */
  step(cursor: Cursor, check: Stepped, now: number, cost: number): void;
  /** Puts the step's new state into a slot. */
  write(cursor: Cursor, segment: Segment, slot: number, now: number): void;
  /**
   * The share of the quota that the state in a slot has left by now, 0 to 1, where that is known without a step.
   *
   * @param cursor Its `ttlMs` is then how much longer the state means anything.
   */
  look?(cursor: Cursor, segment: Segment, slot: number, now: number): number;
  /** Gives back the memory that the state in a slot has elsewhere. */
  free(segment: Segment, slot: number): void;
  /** The step's new state, to be kept elsewhere. */
  take(cursor: Cursor): unknown;
  /** The other way round: a state from elsewhere to step from. */
  give(cursor: Cursor, state: unknown): void;
}
