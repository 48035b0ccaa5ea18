/**
 * Rows that are compared and written together.
 *
 * @module
 */

/** The version that stands for no row. */
export const NO_ROW = "0";

/** A row that a call compares, and writes. */
export interface Row {
  /** The key. */
  readonly k: string;
  /** The version that the row must have, in digits; {@link NO_ROW}, or -1 to read it. */
  readonly v: string;
  /** The new version; null where the state stays. */
  readonly n: string | null;
  /** The new state, as JSON. */
  readonly s?: string;
  /** When the new state is over, epoch ms. */
  readonly u?: number;
  /** The state that the row has with this version, likewise; undefined where it is unknown. */
  readonly o?: string | undefined;
}

/** Rows that are written all or none. */
export interface WriteCall {
  /** Sorted by key. All that change get the same new version. */
  readonly rows: readonly Row[];
  /** The time of its decisions, epoch ms; null where it decides nothing. */
  readonly at: number | null;
  /** How often it was lost before. */
  readonly lost: number;
}

/** Does a row exist already, and change? */
export const isUpdate = ({ v, n }: Row): boolean => n !== null && v !== NO_ROW;

/** Can the database undo what it did to this row? */
export const isUndoable = ({ v, n, o }: Row): boolean => n === null || v === NO_ROW || o !== undefined;
