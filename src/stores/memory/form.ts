/**
 * The interface of a form of states: how a table keeps them in its slots, and steps them.
 *
 * @module
 */

import type { Policy } from "../../algorithms/algorithm.ts";
import type { Kind } from "./rule_names.ts";
import type { Cursor } from "./cursor.ts";
import type { Segment } from "./segment.ts";
import type { SplitCheck } from "../store.ts";

/** A form. */
export interface Form {
  /** How many numbers a slot has for a state. */
  readonly width: number;
  /** Has a slot anything else? */
  readonly hasObjects: boolean;
  /** Copies the state in a slot to a place, where whatever becomes of the slot can do it nothing. */
  read(cursor: Cursor, segment: Segment, slot: number, now: number): void;
  /** Steps a check from the state at a place, if there is one. */
  step(place: Cursor, check: SplitCheck, now: number, cost: number): void;
  /** Puts what the step says to remember into a slot. */
  write(place: Cursor, segment: Segment, slot: number, now: number): void;
  /**
   * What the state in a slot means now.
   *
   * @param place Room for a step. Its `ttlMs` is then how much longer the state means anything.
   * @param kind What the state is read by.
   * @returns The share of the quota that is left, 0 to 1; {@link OVER} where the state is past its time.
   */
  look(place: Cursor, segment: Segment, slot: number, kind: Kind, now: number): number;
  /** Gives back what the state in a slot has elsewhere. */
  free(segment: Segment, slot: number): void;
  /** What the step says to remember, to be kept elsewhere. */
  take(place: Cursor): unknown;
  /** The other way round: a state from elsewhere to step from. */
  give(place: Cursor, state: unknown): void;
}

/** What {@link Form.look} says of a state that is past its time. */
export const OVER = -1;

/** The share of a quota that is left. */
export function shareOf(remaining: number, { limit }: Policy): number {
  return limit > 0 ? Math.min(1, remaining / limit) : 0;
}
