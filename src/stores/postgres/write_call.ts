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
  /** The numbers of the calls that were lost. */
  readonly lost?: readonly number[];
  /** The rows of the lost calls whose versions were not the expected ones: number, version, state. */
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

/** The rows of several calls, in an order that all instances keep. */
function rowsOf(calls: readonly WriteCall[], claimMs: number) {
  return calls.flatMap(({ rows, lost }, g) => {
    const held = rows.some(({ n }) => n !== null);
    const c = lost === 0 ? 0 : claimMs;
    return rows.map((row) => ({ ...row, g, held, alone: rows.length === 1, c }));
  }).sort((a, b) => a.k < b.k ? -1 : 1).map((row, i) => ({ i, ...row }));
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
  let claimMs = DECIDING_MS;
  async function callAtOnce(asked: readonly WriteCall[]): Promise<readonly boolean[]> {
    const isSent = apart(asked);
    const written = await send(asked.filter((_, i) => isSent[i]));
    let sent = 0;
    return isSent.map((is) => is && written[sent++]);
  }
  async function send(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const rows = rowsOf(calls, claimMs);
    const times = calls.flatMap(({ at }) => at ?? []).sort((a, b) => a - b);
    const [from = null, to = null] = [times[0], times.at(-1)];
    const asked = JSON.stringify({ from, to, wait: `${waitMs}ms`, durable, claimant, rows });
    const sentAt = steady();
    const reply: Reply = JSON.parse(await run(`SELECT ${write}($1::text::json) AS answer`, [asked]));
    claimMs = Math.min(LONGEST_CLAIM_MS, DECIDING_MS + 2 * (steady() - sentAt));
    hearTime(reply.now, sentAt);
    for (const [i, version, state] of reply.truth ?? []) hearRow(rows[i].k, version, state);
    return calls.map((_, g) => !reply.isLate && !reply.lost!.includes(g));
  }
  const lanes = lanesOf(MOST_STATEMENTS, waitMs);
  function callInLane(calls: readonly WriteCall[]): Promise<readonly boolean[]> {
    const called = callAtOnce(calls);
    lanes.leaveAfter(called);
    return called;
  }
  return batched(callInLane, ({ rows }) => rows.length, MOST_ROWS, lanes.enter);
}
