/**
 * Calls of the functions that compare versions and write states.
 *
 * @module
 */

import { batched } from "../batch.ts";
import { lanesOf } from "./lanes.ts";
import { literalOf } from "./literal.ts";
import type { RunStatement } from "./postgres_client.ts";
import type { SchemaNames } from "./schema.ts";
import { fewStatement, isOfFew } from "./write_few.ts";
import { isUndoable, NO_ROW, type Row, type WriteCall } from "./write_rows.ts";

/** The reply of either function. */
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
  /** The names of the functions. */
  readonly names: SchemaNames;
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
const MAX_ROWS = 256;

/** The most statements under way: one works while the next is on its way. More would only share fewer decisions each. */
const MAX_STATEMENTS = 2;

/** A row is claimed for as long as two calls take, and some ms for the deciding, but no longer than this, in ms. */
const DECIDING_MS = 10;
const MAX_CLAIM_MS = 200;

/** How the function of any rows writes: each row by itself, all at once, or all at once and all or none. */
type Way = 0 | 1 | 2;

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

/** Does a call write anything? Then its other rows stay as they are until it has. */
const isWrite = ({ rows }: WriteCall): boolean => rows.some(isChange);

function wayOf(calls: readonly WriteCall[]): Way {
  let way: Way = 1;
  for (const { rows, lost } of calls) {
    // A call that was lost before claims its rows, and one that only compares some of them keeps those from others.
    if (lost > 0) return 0;
    if (!rows.some(isChange)) continue;
    if (rows.length > 1) way = 2;
    if (!rows.every(isChange)) return 0;
  }
  return way === 2 && !calls.every(({ rows }) => rows.every(isUndoable)) ? 0 : way;
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
    // JSON holds no control characters: as JSON once more it is an element of an array of Postgres.
    const old = way === 2 && v !== NO_ROW ? JSON.stringify(o) : "NULL";
    places += `,${elementOf(k)},${v},${n},${JSON.stringify(s)},${u},${call},${old}`;
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
 * Makes the function that calls the functions of the database: calls of one moment are one statement, and so are those that come
 * while others are under way.
 *
 * @returns The function. It gives false where the call was lost: nothing of it was written.
 */
export function writeCalls(options: WriteCallOptions): (call: WriteCall) => Promise<boolean> {
  const { run, names, durable, waitMs, steady, hearTime, hearRow } = options;
  const claimant = Math.floor(Math.random() * 2 ** 52);
  const whose = `${claimant},${waitMs},${Number(durable)}`;
  const whoseFew = `${claimant},'${waitMs}',${Number(durable)}`;
  let claimMs = DECIDING_MS;

  async function callAtOnce(asked: readonly WriteCall[]): Promise<readonly boolean[]> {
    const isSent = apart(asked);
    const written = await send(asked.filter((_, i) => isSent[i]));
    let sent = 0;
    return isSent.map((is) => is && written[sent++]);
  }

  const statementOf = (calls: readonly WriteCall[]): string =>
    calls.length === 1 && isOfFew(calls[0])
      ? fewStatement(names.few, calls[0], whoseFew)
      : `SELECT ${names.write}(${literalOf(askedOf(calls, rowsOf(calls), whose, claimMs))}) AS answer`;

  async function send(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const sentAt = steady();
    // Without parameters clients send one message instead of five, and some of them one instead of two after each other.
    const reply: Reply = JSON.parse(await run(statementOf(calls), []));
    claimMs = Math.ceil(Math.min(MAX_CLAIM_MS, DECIDING_MS + 2 * (steady() - sentAt)));
    hearTime(reply.now, sentAt);
    const { isLate = false, truth = [] } = reply;
    if (isLate || truth.length === 0) return calls.map(() => !isLate);
    const rows = rowsOf(calls);
    const lost = new Set<number>();
    for (const [i, version, state] of truth) {
      hearRow(rows[i].row.k, version === null ? null : String(version), state);
      lost.add(rows[i].call);
    }
    return calls.map((_, call) => !lost.has(call));
  }
  const lanes = lanesOf(MAX_STATEMENTS, waitMs);
  function callInLane(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const called = calls.length === 1 ? send(calls) : callAtOnce(calls);
    lanes.leaveAfter(called);
    return called;
  }
  return batched(callInLane, ({ rows }) => rows.length, MAX_ROWS, lanes.enter);
}
