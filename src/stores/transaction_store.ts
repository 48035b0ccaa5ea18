/**
 * A store on any database that has transactions.
 *
 * @module
 */

import { cannot, messageOf } from "../cannot.ts";
import { wholeClock, wholeTime } from "../whole_clock.ts";
import type { StoreDecision } from "../decision.ts";
import { inOrder, isPromise, type MaybePromise, rescue, then } from "../maybe.ts";
import { BOOLEAN, FUNCTION, required, requireOptions, TEXT, timerMs } from "../options.ts";
import { decideChecks, type StateAccess } from "./decide_checks.ts";
import { isLostRace } from "./lost_race.ts";
import { isNotDecided, NotDecided, undone } from "./not_decided.ts";
import { questionLine } from "./question_line.ts";
import type { Check, Store, StorePart } from "./store.ts";

/** The rows of a transaction, as {@link transactionStore} reads and writes them. */
export interface StateRows {
  /**
   * Reads a row, and locks it until the transaction ends, unless the transaction has locked all rows.
   *
   * @returns The text that was saved under the key; null or undefined where there is none.
   */
  load(key: string): MaybePromise<string | null | undefined>;
  /**
   * Writes a row, and replaces any other under its key.
   *
   * @param key A text of any length without NUL and lone surrogates. Keys differ in case, in spaces and in accents.
   * @param text JSON.
   * @param expiresAt The time from which the row may be removed, epoch ms by the clock that decides.
   */
  save(key: string, text: string, expiresAt: number): MaybePromise<unknown>;
  /** Removes a row, if it is there. */
  remove(key: string): MaybePromise<unknown>;
  /** The time of the database, epoch ms. It is asked after all rows are loaded. Default: the store's `clock`. */
  now?(): MaybePromise<number>;
}

/** The options of {@link transactionStore}. */
export interface TransactionStoreOptions {
  /**
   * Begins a transaction, calls `run` with its rows, and commits; where `run` or the commit fails it rolls back, and fails with
   * the same error. It returns the value of `run`. No other transaction may read the rows that this one has loaded until it
   * ends: in SQL `BEGIN IMMEDIATE`, `SELECT … FOR UPDATE`, or the level SERIALIZABLE. It may be synchronous.
   */
  transact<T>(run: (rows: StateRows) => MaybePromise<T>): MaybePromise<T>;
  /** Do other processes use the same rows? Default true. */
  shared?: boolean;
  /** The store's name in messages. Default "transactionStore()". */
  name?: string;
  /**
   * The time, epoch ms; fractions are cut off. All who share the rows need the same: where they are on several machines, let
   * the rows have `now` instead. Default `Date.now`, unless the rows have `now`.
   */
  clock?: () => number;
  /**
   * Does an error of `transact` mean that nothing was kept, as another transaction was first? Then it is tried again. Default:
   * the codes by which drivers of SQLite, PostgreSQL and MySQL say so.
   */
  isLostRace?: (error: unknown) => boolean;
  /**
   * How long a lost race is tried again, with pauses that grow from 1 to 48 ms, and how long an answer that is promised may take,
   * in ms. Then the rules' `onStoreFailure` decides, and a request that still waits for its turn is not counted any more.
   * Default 250.
   */
  timeoutMs?: number;
  /** Are refusals whose end is known answered from this instance's memory until then? Default: if it is shared. */
  denyCache?: boolean;
}

/** The most questions of a transaction: others wait as long as it takes. */
const MAX_TOGETHER = 100;

/** A clock that steps back a little must not find a state removed. */
const SLACK_MS = 1000;

/** A row in a transaction: loaded once, saved once. */
interface OpenRow {
  /** The key of the row. */
  readonly key: string;
  value: unknown;
  /** When it expires, if it changed; 0: it is to be removed. */
  expiresAt: number | null;
}

/** The rows of a transaction, by the keys of their states. */
interface States {
  readonly now: number;
  readonly rows: ReadonlyMap<string, OpenRow>;
}

/** One question. */
interface Question {
  readonly keys: readonly string[];
  answer(states: States): unknown;
}

/**
 * The key of a row: the partition first, then the name of the rule's states, so that the rows of one client lie side by side, and
 * a database that keeps rows sorted writes one page for all rules of a request. Where that is not plain ASCII, it is its JSON,
 * which has neither NUL nor lone surrogates, and which no other row begins like.
 */
function rowKey(key: string): string {
  const colon = key.indexOf(":");
  const text = colon < 0 ? key : `${key.slice(colon + 1)}:${key.slice(0, colon)}`;
  return /^(?!")[\x20-\x7e]*$/.test(text) ? text : JSON.stringify(text);
}

/** The saved value; null where somebody else wrote the row. */
function valueIn(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return null;
  if (typeof text !== "string") {
    // Taken for no state, it would let everything pass: a driver parses a column of JSON by itself.
    throw new TypeError(
      cannot("decide in a transaction", "load must give the text that was saved, or null", text),
    );
  }
  try {
    const value = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** The row of each key, once, in one order everywhere, so that two transactions never wait for each other. */
function openRows(questions: readonly Question[]): ReadonlyMap<string, OpenRow> {
  const rows = new Map<string, OpenRow>();
  for (const { keys } of questions) {
    for (const key of keys) {
      if (!rows.has(key)) rows.set(key, { key: rowKey(key), value: null, expiresAt: null });
    }
  }
  if (rows.size === 1) return rows;
  return new Map([...rows].sort(([, { key: one }], [, { key: other }]) => one < other ? -1 : 1));
}

function accessTo({ now, rows }: States): StateAccess {
  return {
    load: ({ key }) => rows.get(key)!.value,
    save({ key }, state, ttlMs) {
      const row = rows.get(key)!;
      row.value = state;
      row.expiresAt = state === null ? 0 : now + ttlMs + SLACK_MS;
    },
  };
}

function decision(checks: readonly Check[], spend: boolean): Question {
  return {
    keys: checks.map(({ key }) => key),
    answer: (states) => decideChecks(checks, spend, states.now, accessTo(states)),
  };
}

function forgetting(key: string): Question {
  return {
    keys: [key],
    answer({ rows }) {
      const row = rows.get(key)!;
      row.value = null;
      row.expiresAt = 0;
    },
  };
}

/** The answer to one question, by states that are here. An Error is of its own. */
function answerBy(states: States): (question: Question) => unknown {
  return (question) =>
    rescue(
      () => question.answer(states),
      (error) => error instanceof Error ? error : new Error(messageOf(error)),
    );
}

/** Answers questions one after the other, within one transaction. */
function answerAll(
  table: StateRows,
  questions: readonly Question[],
  clock: () => number,
  name: string,
): MaybePromise<unknown[]> {
  const rows = openRows(questions);
  const all = [...rows.values()];
  const load = (i: number): MaybePromise<unknown> =>
    then(table.load(all[i].key), (text) => all[i].value = valueIn(text));
  const save = (i: number): MaybePromise<unknown> => {
    const { key, value, expiresAt } = all[i];
    if (expiresAt === null) return;
    return expiresAt === 0 ? table.remove(key) : table.save(key, JSON.stringify(value), expiresAt);
  };
  return then(
    inOrder(all.length, load),
    () =>
      then(table.now === undefined ? clock() : table.now(), (read) => {
        const answers = questions.map(answerBy({ now: wholeTime(read, name), rows }));
        return then(inOrder(all.length, save), () => answers);
      }),
  );
}

/** A `transact` without a `return` gives none. */
function requireAnswers(answers: unknown[]): unknown[] {
  if (Array.isArray(answers)) return answers;
  throw new TypeError(cannot("decide in a transaction", "transact must return what run gives", answers));
}

/** Runs a transaction, and takes note where one that fails was rolled back: the answer to a commit alone may get lost. */
function transaction<T>(
  options: Pick<TransactionStoreOptions, "transact">,
  run: (rows: StateRows) => MaybePromise<T>,
): MaybePromise<T> {
  let isAtCommit = false;
  let isOver = false;
  function end(value: T): T {
    // It has failed meanwhile, as by a time limit: now it may not be committed any more.
    if (isOver) throw new NotDecided("The transaction has failed before its end");
    isAtCommit = true;
    return value;
  }
  try {
    const value = options.transact((rows) => then(run(rows), end));
    if (!isPromise(value)) return value;
    // Once: a thenable may begin its transaction anew for each who asks it.
    return Promise.resolve(value).then(undefined, (error) => {
      isOver = true;
      throw isAtCommit ? error : undone(error);
    });
  } catch (error) {
    // A commit that is no promise has failed, or is done.
    throw undone(error);
  }
}

/**
 * Keeps states in any database that has transactions: one limit for all processes that use it. All rules of a request are
 * decided in one transaction, all or none. Where the database is busy with another one, the requests that come meanwhile wait and
 * are decided together, in one transaction: each of their rows is read once and written once.
 *
 * Each row is a key, a text and the time from which it may be removed; the database, or `transact` now and then, removes the rows
 * that are over. Rows of a request are read in the order of their keys, so that two transactions never wait for each other
 * crosswise.
 *
 * Where the answer is a promise, a throttle waits `timeoutMs` for it, then each rule's `onStoreFailure` decides. Where
 * `transact` is synchronous so is the answer, and no deadline applies to the transaction itself: let the database give up
 * waiting for its locks after some ms.
 *
 * @param options See {@link TransactionStoreOptions}.
 * @returns The store.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When timeoutMs is out of its range.
 *
 * @example Rows in a Map instead of a table
 * ```ts
 * import { createThrottle, type StateRows, transactionStore } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const table = new Map<string, { text: string; expiresAt: number }>();
 * const rows: StateRows = {
 *   load: (key) => table.get(key)?.text,
 *   save: (key, text, expiresAt) => table.set(key, { text, expiresAt }),
 *   remove: (key) => table.delete(key),
 * };
 * // In a database: begin a transaction before, commit it afterwards, roll it back where `run` fails.
 * const store = transactionStore({ transact: (run) => run(rows), shared: false });
 *
 * const throttle = createThrottle("1/hour", { store, client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * equal(table.size, 1);
 * ```
 */
export function transactionStore(options: TransactionStoreOptions): Store {
  requireOptions(options, {
    transact: required(FUNCTION),
    shared: BOOLEAN,
    name: TEXT,
    clock: FUNCTION,
    isLostRace: FUNCTION,
    timeoutMs: timerMs(),
    denyCache: BOOLEAN,
  }, "make transactionStore()");
  const { shared = true, name = "transactionStore()", timeoutMs = 250, denyCache = shared } = options;
  const clock = options.clock && wholeClock(options.clock, name);
  const isLost = options.isLostRace ?? isLostRace;
  const ask = questionLine<Question, unknown>({
    run: (questions) =>
      then(
        transaction(options, (rows) => answerAll(rows, questions, clock ?? Date.now, name)),
        requireAnswers,
      ),
    // A function that fails on an error does not recognise it.
    mayRetry: (error) => rescue(() => isLost(error), () => false) as boolean,
    timeoutMs,
    most: MAX_TOGETHER,
  });
  const whole: StorePart = { name: "", ranNothing: isNotDecided };
  return {
    shared,
    name,
    denyCache,
    deadlineMs: timeoutMs,
    clock,
    partOf: () => whole,
    decide(checks, spend = true) {
      if (checks.length === 0) return [];
      return ask(decision(checks, spend)) as MaybePromise<readonly StoreDecision[]>;
    },
    forget: (key) => ask(forgetting(key)) as MaybePromise<void>,
  };
}
