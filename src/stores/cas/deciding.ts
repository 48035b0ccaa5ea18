/**
 * Deciding by compare-and-set: read states, step, write them if nobody else has written meanwhile.
 *
 * @module
 */

import type { StoreDecision } from "../../decision.ts";
import { isPromise, type MaybePromise, rescue } from "../../maybe.ts";
import { decideChecks } from "../decide_checks.ts";
import { NotDecided, undone } from "../not_decided.ts";
import type { Check } from "../store.ts";
import { keyQueue, type Round } from "./key_queue.ts";
import type { StateChange, StatesRead, VersionedStates } from "./versioned_states.ts";

/** The options of {@link decidingByVersion}. */
export interface DecidingOptions {
  /** How often a race may be lost. */
  readonly attempts: number;
  /** The time in ms after which nobody waits for an answer: no new attempt begins. */
  readonly timeoutMs: number;
  /** The most keys of one write, unless one request alone has more. */
  readonly mostKeys: number;
}

/** Decides checks whose states are under these keys. */
export type Deciding = (
  checks: readonly Check[],
  keys: readonly string[],
  spend: boolean,
) => Promise<readonly StoreDecision[]>;

/** One request's checks. */
interface Question {
  readonly checks: readonly Check[];
  /** The key of each check's state, in order. */
  readonly keys: readonly string[];
  readonly spend: boolean;
  readonly askedAt: number;
  resolve(decisions: readonly StoreDecision[]): void;
  reject(error: unknown): void;
}

/** A state on its way through a round. */
interface Cell {
  readonly key: string;
  readonly version: unknown;
  readonly found: unknown;
  state: unknown;
  ttlMs: number;
}

/** The pause before another attempt, in ms at most, after the second lost race; it doubles with each. */
const FIRST_PAUSE_MS = 0.5;
const MAX_PAUSE_MS = 16;

const steady = (): number => performance.now();
const pause = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

/** The keys of all questions, distinct and sorted. */
function keysOf(questions: readonly Question[]): readonly string[] {
  const [{ keys }] = questions;
  if (questions.length > 1) return [...new Set(questions.flatMap(({ keys }) => keys))].sort();
  return keys.length === 1 ? keys : [...keys].sort();
}

/** As many cells at most are looked through faster than a map is made. */
const FEW_CELLS = 8;

/** Makes the function that finds a cell by its key. */
function finderOf(cells: readonly Cell[]): (key: string) => Cell {
  if (cells.length <= FEW_CELLS) return (wanted) => cells.find(({ key }) => key === wanted)!;
  const cellOf = new Map(cells.map((cell) => [cell.key, cell]));
  return (wanted) => cellOf.get(wanted)!;
}

/** Decides all questions of a round, one after the other, over the same states. */
function decideRound(
  questions: readonly Question[],
  keys: readonly string[],
  { now, states }: StatesRead,
): { readonly answers: readonly (readonly StoreDecision[] | Error)[]; readonly cells: readonly Cell[] } {
  const cells = keys.map((key, i): Cell => {
    const { state = null, version = null } = states[i] ?? {};
    return { key, version, found: state, state, ttlMs: 0 };
  });
  const cellOf = finderOf(cells);
  const answers = questions.map(({ checks, keys, spend }) => {
    const own = (check: Check): Cell => cellOf(keys[checks.indexOf(check)]);
    try {
      // Loading and saving are synchronous here, so the answer is no promise.
      return decideChecks(checks, spend, now, {
        load: (check) => own(check).state,
        save(check, state, ttlMs) {
          const cell = own(check);
          cell.state = state;
          cell.ttlMs = ttlMs;
        },
      }) as readonly StoreDecision[];
    } catch (error) {
      // An algorithm threw before anything was saved: the questions beside this one go on.
      return error instanceof Error ? error : new Error("An algorithm failed", { cause: error });
    }
  });
  return { answers, cells };
}

const changeOf = ({ key, version, found, state, ttlMs }: Cell): StateChange =>
  state === found ? { key, version, state: undefined, ttlMs: 0 } : { key, version, state, ttlMs };

/** Reads states: where that fails nothing was done. */
const readIn = (states: VersionedStates, keys: readonly string[]): MaybePromise<StatesRead> =>
  rescue(() => states.read(keys), (error) => {
    throw undone(error);
  });

function settle(question: Question, answer: readonly StoreDecision[] | Error): void {
  if (answer instanceof Error) question.reject(answer);
  else question.resolve(answer);
}

/**
 * Makes a function that decides checks by compare-and-set.
 *
 * Questions of this process that share a key are decided together, by one read and one write: 32 requests of one key at once
 * are one round, and those that come meanwhile the next. Only other processes can win a race; a lost one is tried again a
 * bounded number of times, after random pauses.
 *
 * @param states See {@link VersionedStates}.
 * @param options See {@link DecidingOptions}.
 * @returns The function. It rejects with what `read` or `write` throws, and when all attempts were lost.
 */
export function decidingByVersion(states: VersionedStates, options: DecidingOptions): Deciding {
  const { attempts, timeoutMs, mostKeys } = options;

  /** Questions that somebody still waits for. */
  function inTime(questions: readonly Question[]): readonly Question[] {
    const now = steady();
    return questions.filter((question) => {
      const isLate = now - question.askedAt > timeoutMs;
      if (isLate) question.reject(new NotDecided(`No decision was made within ${timeoutMs} ms`));
      return !isLate;
    });
  }

  async function tryTo(asked: readonly Question[]): Promise<void> {
    let questions = asked;
    for (let lost = 0; lost < attempts; lost++) {
      if (lost > 1) await pause(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** lost));
      const keys = keysOf(questions);
      const found = readIn(states, keys);
      const read = isPromise(found) ? await found : found;
      questions = inTime(questions);
      if (questions.length === 0) return;
      const { answers, cells } = decideRound(questions, keys, read);
      const isChanged = cells.some(({ state, found }) => state !== found);
      if ((isChanged || read.isGuess) && !await states.write(cells.map(changeOf), read.now, lost)) continue;
      return questions.forEach((question, i) => settle(question, answers[i]));
    }
    throw new NotDecided(`No decision was made as other processes won ${attempts} races in a row`);
  }

  const run = ({ questions }: Round<Question>): Promise<void> =>
    tryTo(questions).catch((error) => {
      for (const question of questions) question.reject(error);
    });

  const ask = keyQueue(run, { mostKeys, patienceMs: timeoutMs });
  return (checks, keys, spend) =>
    new Promise((resolve, reject) => ask({ checks, keys, spend, askedAt: steady(), resolve, reject }));
}
