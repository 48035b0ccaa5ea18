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
  /** The numbers that a slot has for a state. */
  readonly width: number;
  /** Has a slot anything else? */
  readonly hasObjects: boolean;
  /** Copies the state in a slot to a cursor, where later changes of the slot do not reach it. */
  read(cursor: Cursor, segment: Segment, slot: number, now: number): void;
  /** Steps a check from the state at a cursor, if there is one. */
  step(cursor: Cursor, check: SplitCheck, now: number, cost: number): void;
  /** Puts the step's new state into a slot. */
  write(cursor: Cursor, segment: Segment, slot: number, now: number): void;
  /**
   * Looks at the state in a slot by now.
   *
   * @param cursor Room for a step. Its `ttlMs` is then how much longer the state means anything.
   * @param kind The algorithm and the policy by which the state is read.
   * @returns The share of the quota that is left, 0 to 1; {@link OVER} where the state is past its time.
   */
  look(cursor: Cursor, segment: Segment, slot: number, kind: Kind, now: number): number;
  /** Gives back the memory that the state in a slot has elsewhere. */
  free(segment: Segment, slot: number): void;
  /** The step's new state, to be kept elsewhere. */
  take(cursor: Cursor): unknown;
  /** The other way round: a state from elsewhere to step from. */
  give(cursor: Cursor, state: unknown): void;
}

/** The answer of {@link Form.look} for a state that is past its time. */
export const OVER = -1;

/** The share of a quota that is left. */
export function shareOf(remaining: number, { limit }: Policy): number {
  return limit > 0 ? Math.min(1, remaining / limit) : 0;
}
