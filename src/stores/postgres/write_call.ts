/**
 * Calls of the function that compares versions and writes states.
 *
 * @module
 */

import { batched } from "../batch.ts";
import { lanesOf } from "./lanes.ts";
import type { RunStatement } from "./postgres_client.ts";

/** A row that a call compares, and writes. */
export interface Row {
  /** The key. */
  readonly k: string;
  /** The version that the row must have; 0 for no row, -1 to read it. */
  readonly v: number;
  /** The new version; null where the state stays. */
  readonly n: number | null;
  /** The new state. */
  readonly s?: unknown;
  /** When the new state is over, epoch ms. */
  readonly u?: number;
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
  hearRow(key: string, version: number | null, state: unknown): void;
}

/** The most rows of one statement, unless one request has more. */
const MOST_ROWS = 256;

/** The most statements under way: one works while the next is on its way. More would only share fewer decisions each. */
const MOST_STATEMENTS = 2;

/** A row is claimed for as long as two calls take, and some ms for the deciding, but no longer than this, in ms. */
const DECIDING_MS = 10;
const LONGEST_CLAIM_MS = 200;

/** The order in which all instances lock rows: new ones first. */
const inOrder = (a: Row, b: Row): number => Number(b.v === 0) - Number(a.v === 0) || (a.k < b.k ? -1 : 1);

/** A row and the number of its call. */
interface NumberedRow {
  readonly row: Row;
  readonly call: number;
}

/** The rows of several calls, in order. */
const rowsOf = (calls: readonly WriteCall[]): readonly NumberedRow[] =>
  calls.flatMap(({ rows }, call) => rows.map((row) => ({ row, call }))).sort((a, b) => inOrder(a.row, b.row));

/** Does a call write anything? Then its other rows stay as they are until it has. */
const isWrite = ({ rows }: WriteCall): boolean => rows.some(({ n }) => n !== null);

/** How the function writes: each row by itself, all at once, or all at once and all or none. */
function wayOf(calls: readonly WriteCall[]): 0 | 1 | 2 {
  // A call that was lost before claims its rows, and one that only compares some of them keeps those from others.
  const isPlain = calls.every((call) =>
    call.lost === 0 && (!isWrite(call) || call.rows.every(({ n }) => n !== null))
  );
  if (!isPlain) return 0;
  return calls.some((call) => call.rows.length > 1 && isWrite(call)) ? 2 : 1;
}

/** A text in an array as Postgres reads it. */
const elementOf = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** The arrays of rows that the function takes: keys, versions, new versions, states, ends. */
function columnsOf(rows: readonly NumberedRow[]): readonly string[] {
  const columns = ["", "", "", "", ""];
  let comma = "{";
  for (const { row: { k, v, n, s, u = 0 } } of rows) {
    columns[0] += comma + elementOf(k);
    columns[1] += comma + v;
    columns[2] += comma + (n ?? "NULL");
    columns[3] += comma + (n === null ? "NULL" : elementOf(JSON.stringify(s)));
    columns[4] += comma + u;
    comma = ",";
  }
  return columns.map((column) => `${column}}`);
}

/** The calls to which rows belong, and those that claim rows they lose. */
function callsOf(calls: readonly WriteCall[], rows: readonly NumberedRow[]): readonly [string, string] {
  const owners = rows.map(({ call }) => isWrite(calls[call]) ? call : "NULL");
  const claimants = calls.flatMap(({ lost }, call) => lost > 0 ? call : []);
  return [`{${owners}}`, `{${claimants}}`];
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
  const text = `SELECT ${write}($1, $2, $3, $4, $5, $6, $7, $8) AS answer`;
  let claimMs = DECIDING_MS;

  async function callAtOnce(asked: readonly WriteCall[]): Promise<readonly boolean[]> {
    const isSent = apart(asked);
    const written = await send(asked.filter((_, i) => isSent[i]));
    let sent = 0;
    return isSent.map((is) => is && written[sent++]);
  }

  async function send(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const rows = rowsOf(calls);
    let from = Infinity;
    let to = -Infinity;
    for (const { at } of calls) {
      if (at === null) continue;
      from = Math.min(from, at);
      to = Math.max(to, at);
    }
    let inserts = 0;
    let updates = 0;
    for (const { row: { n, v } } of rows) {
      if (n === null) continue;
      if (v === 0) inserts++;
      else updates++;
    }
    const way = wayOf(calls);
    // As `_asked` of the function has them.
    const numbers = [from, to, claimant, waitMs, Number(durable), inserts, updates, way, claimMs];
    const more = way === 1 ? ["", ""] : callsOf(calls, rows);
    const sentAt = steady();
    const reply: Reply = JSON.parse(await run(text, [`{${numbers}}`, ...columnsOf(rows), ...more]));
    claimMs = Math.min(LONGEST_CLAIM_MS, DECIDING_MS + 2 * (steady() - sentAt));
    hearTime(reply.now, sentAt);
    const lost = new Set<number>();
    for (const [i, version, state] of reply.truth ?? []) {
      hearRow(rows[i].row.k, version, state);
      lost.add(rows[i].call);
    }
    return calls.map((_, call) => !reply.isLate && !lost.has(call));
  }
  const lanes = lanesOf(MOST_STATEMENTS, waitMs);
  function callInLane(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const called = callAtOnce(calls);
    lanes.leaveAfter(called);
    return called;
  }
  return batched(callInLane, ({ rows }) => rows.length, MOST_ROWS, lanes.enter);
}
