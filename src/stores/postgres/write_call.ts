/**
 * Calls of the function that compares versions and writes states.
 *
 * @module
 */

import { batched } from "../batch.ts";
import { lanesOf } from "./lanes.ts";
import { literalOf } from "./literal.ts";
import type { RunStatement } from "./postgres_client.ts";
import { FEW_ROWS } from "./schema.ts";

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
  /** The new state, as an element of an array. */
  readonly s?: string;
  /** When the new state is over, epoch ms. */
  readonly u?: number;
  /** The state that the row has with this version, likewise; undefined where it is unknown. */
  readonly o?: string | undefined;
}

/** Rows that are written all or none. */
export interface WriteCall {
  readonly rows: readonly Row[];
  /** The time of its decisions, epoch ms; null where it decides nothing. */
  readonly at: number | null;
  /** How often it was lost before. */
  readonly lost: number;
}

/** The reply of the function. */
interface Reply {
  readonly now: number;
  /** Was the time of the decisions too far from the server's? Then nothing was done. */
  readonly isLate?: boolean;
  /** The rows for which calls were lost: number, version, state. */
  readonly truth?: readonly (readonly [number, number | null, unknown])[];
}

/** The options of {@link writeCalls}. */
export interface WriteCallOptions {
  readonly run: RunStatement;
  /** The name of the function, quoted. */
  readonly write: string;
  /** Does a write wait until it is on disk? */
  readonly durable: boolean;
  /** How long a row that another transaction has locked is waited for, in ms. */
  readonly waitMs: number;
  readonly steady: () => number;
  /** Gets the server's time in an answer, and when the question was sent by the steady clock. */
  hearTime(serverMs: number, sentAt: number): void;
  /** Gets a row whose version was not the expected one; the version is null where there is no row. */
  hearRow(key: string, version: string | null, state: unknown): void;
}

/** The most rows of one statement, unless one request has more. */
const MOST_ROWS = 256;

/** The most statements under way: one works while the next is on its way. More would only share fewer decisions each. */
const MOST_STATEMENTS = 2;

/** A row is claimed for as long as two calls take, and some ms for the deciding, but no longer than this, in ms. */
const DECIDING_MS = 10;
const LONGEST_CLAIM_MS = 200;

/** How the function writes: each row by itself, all at once, all at once and all or none, the one row, or as 2 the few rows. */
type Way = 0 | 1 | 2 | 3 | 4;

/** The order in which all instances lock rows: new ones first. */
const inOrder = (a: Row, b: Row): number =>
  Number(b.v === NO_ROW) - Number(a.v === NO_ROW) || (a.k < b.k ? -1 : 1);

/** A row and the number of its call. */
interface NumberedRow {
  readonly row: Row;
  readonly call: number;
}

/** The rows of several calls, in order. */
function rowsOf(calls: readonly WriteCall[]): readonly NumberedRow[] {
  const rows: NumberedRow[] = [];
  for (let call = 0; call < calls.length; call++) {
    for (const row of calls[call].rows) rows.push({ row, call });
  }
  // The rows of one call come sorted by key.
  for (let i = 1; i < rows.length; i++) {
    if (inOrder(rows[i - 1].row, rows[i].row) > 0) return rows.sort((a, b) => inOrder(a.row, b.row));
  }
  return rows;
}

const isChange = ({ n }: Row): boolean => n !== null;

const isUpdate = ({ v, n }: Row): boolean => n !== null && v !== NO_ROW;

/** Does a call write anything? Then its other rows stay as they are until it has. */
const isWrite = ({ rows }: WriteCall): boolean => rows.some(isChange);

/** Can the function undo what it did to this row? */
const isUndoable = ({ v, n, o }: Row): boolean => n === null || v === NO_ROW || o !== undefined;

function wayOf(calls: readonly WriteCall[]): Way {
  let way: Way = 1;
  for (const { rows, lost } of calls) {
    // A call that was lost before claims its rows, and one that only compares some of them keeps those from others.
    if (lost > 0) return 0;
    if (!rows.some(isChange)) continue;
    if (rows.length > 1) way = 2;
    if (!rows.every(isChange)) return 0;
  }
  if (way === 2 && !calls.every(({ rows }) => rows.every(isUndoable))) return 0;
  if (calls.length > 1 || calls[0].rows.length > FEW_ROWS || !calls[0].rows.every(isUpdate)) return way;
  return way === 2 ? 4 : 3;
}

/** A text in an array as Postgres reads it. */
const elementOf = (text: string): string => `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;

/**
 * The text that the function takes: `_asked`.
 *
 * @param whose The claimant, how long a locked row is waited for, and whether the disk is.
 */
function askedOf(
  calls: readonly WriteCall[],
  rows: readonly NumberedRow[],
  whose: string,
  claimMs: number,
): string {
  let from = Infinity;
  let to = -Infinity;
  const claims: number[] = [];
  for (let call = 0; call < calls.length; call++) {
    const { at, lost } = calls[call];
    if (lost > 0) claims.push(call);
    if (at === null) continue;
    if (at < from) from = at;
    if (at > to) to = at;
  }
  const way = wayOf(calls);
  let inserts = 0;
  let updates = 0;
  let places = "";
  for (const { row: { k, v, n, s, u, o }, call } of rows) {
    if (n === null) {
      places += `,${elementOf(k)},${v},NULL,NULL,NULL,${isWrite(calls[call]) ? call : "NULL"},NULL`;
      continue;
    }
    if (v === NO_ROW) inserts++;
    else updates++;
    const old = (way === 2 || way === 4) && v !== NO_ROW ? o : "NULL";
    places += `,${elementOf(k)},${v},${n},${s},${u},${call},${old}`;
  }
  return `{${from},${to},${whose},${inserts},${updates},${way},${claimMs},"{${claims}}"${places}}`;
}

/**
 * Which calls have no row in common with an earlier one? The function compares all rows before it writes those of calls with
 * several, so of two calls about one row both would find the version that they expect.
 */
function apart(calls: readonly WriteCall[]): readonly boolean[] {
  const seen = new Set<string>();
  return calls.map(({ rows }) => {
    const isApart = rows.every(({ k }) => !seen.has(k));
    for (const { k } of rows) seen.add(k);
    return isApart;
  });
}

/**
 * Makes the function that calls the function of the database: calls of one moment are one statement, and so are those that come
 * while others are under way.
 *
 * @returns The function. It gives false where the call was lost: nothing of it was written.
 */
export function writeCalls(options: WriteCallOptions): (call: WriteCall) => Promise<boolean> {
  const { run, write, durable, waitMs, steady, hearTime, hearRow } = options;
  const claimant = Math.floor(Math.random() * 2 ** 52);
  const whose = `${claimant},${waitMs},${Number(durable)}`;
  let claimMs = DECIDING_MS;

  async function callAtOnce(asked: readonly WriteCall[]): Promise<readonly boolean[]> {
    const isSent = apart(asked);
    const written = await send(asked.filter((_, i) => isSent[i]));
    let sent = 0;
    return isSent.map((is) => is && written[sent++]);
  }

  async function send(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const rows = rowsOf(calls);
    const sentAt = steady();
    const reply: Reply = JSON.parse(
      // Without parameters clients send one message instead of five, and some of them one instead of two after each other.
      await run(`SELECT ${write}(${literalOf(askedOf(calls, rows, whose, claimMs))}) AS answer`, []),
    );
    claimMs = Math.ceil(Math.min(LONGEST_CLAIM_MS, DECIDING_MS + 2 * (steady() - sentAt)));
    hearTime(reply.now, sentAt);
    const { isLate = false, truth = [] } = reply;
    if (isLate || truth.length === 0) return calls.map(() => !isLate);
    const lost = new Set<number>();
    for (const [i, version, state] of truth) {
      hearRow(rows[i].row.k, version === null ? null : String(version), state);
      lost.add(rows[i].call);
    }
    return calls.map((_, call) => !lost.has(call));
  }
  const lanes = lanesOf(MOST_STATEMENTS, waitMs);
  function callInLane(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const called = calls.length === 1 ? send(calls) : callAtOnce(calls);
    lanes.leaveAfter(called);
    return called;
  }
  return batched(callInLane, ({ rows }) => rows.length, MOST_ROWS, lanes.enter);
}
