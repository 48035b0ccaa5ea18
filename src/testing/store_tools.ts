/**
 * The means by which the behaviours of stores are tried.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { concurrency } from "../algorithms/concurrency.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { gcra } from "../algorithms/gcra.ts";
import { slidingLog } from "../algorithms/sliding_log.ts";
import { slidingWindow } from "../algorithms/sliding_window.ts";
import type { ChargedDecision, Decision, Mode } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Check, Store } from "../stores/store.ts";
import { answerOf } from "../stores/wrappers/answer.ts";
import { inPassingTime, type PassingTime, type RealTime } from "./passing_time.ts";

/** How the behaviours get at the store that is tried. */
export interface StoreUnderTest {
  /**
   * Opens the store. Where it is `shared`, each call gives another instance on the same states, over a connection of its own
   * where stores have connections: the behaviours ask two of them at once.
   */
  open(): MaybePromise<Store>;
  /** Lets time pass by the store's own clock, in ms. Default: really waits, a few seconds in all. */
  advance?(ms: number): MaybePromise<void>;
}

/** A window that need not end. */
export const MINUTE_MS = 60_000;

/** The algorithms whose quota comes back with time. */
export const TIMED: readonly Algorithm[] = [fixedWindow(), gcra(), slidingLog(), slidingWindow()];

/** All algorithms. */
export const ALGORITHMS: readonly Algorithm[] = [...TIMED, concurrency({ lease: "1min" })];

/** A check in the few words that matter to a behaviour; the rest has defaults. */
export interface CheckSketch {
  readonly rule?: string;
  readonly partition?: string;
  readonly limit?: number;
  readonly windowMs?: number;
  readonly mode?: Mode;
  readonly trialOf?: string;
  readonly algorithm?: Algorithm;
  readonly cost?: number;
  readonly boundaries?: readonly number[];
}

/** The means of one behaviour: checks under keys of its own. */
export interface StoreTools extends PassingTime {
  readonly store: Store;
  open(): MaybePromise<Store>;
  check(asked?: CheckSketch): Check;
  ask(asked?: CheckSketch): Promise<ChargedDecision>;
  askAll(asked: readonly CheckSketch[], spend?: boolean): Promise<readonly ChargedDecision[]>;
  /** Corrects a charge by some units. */
  correct(asked: CheckSketch, charge: ChargedDecision, units: number): Promise<ChargedDecision>;
}

/** @returns The means of one behaviour of a store. */
async function toolsFor({ open }: StoreUnderTest, time: PassingTime): Promise<StoreTools> {
  const store = await open();
  const own = crypto.randomUUID();
  function check(asked: CheckSketch = {}): Check {
    const { rule = "rule", partition = "somebody", limit = 3, windowMs = MINUTE_MS, mode = "enforce" } =
      asked;
    const { algorithm = fixedWindow(), cost = 1, trialOf, boundaries } = asked;
    const policy = {
      name: rule,
      limit,
      windowMs,
      mode,
      ...(trialOf && { trialOf }),
      ...(boundaries && { boundaries }),
    };
    return { key: `${rule}:${own}:${partition}`, policy, algorithm, cost, since: null };
  }
  const decide = async (checks: readonly Check[], spend?: boolean): Promise<readonly ChargedDecision[]> =>
    answerOf(checks, await store.decide(checks, spend), store.clock ?? Date.now);
  const askAll: StoreTools["askAll"] = (asked, spend) => decide(asked.map(check), spend);
  return {
    store,
    open,
    ...time,
    check,
    askAll,
    ask: async (asked = {}) => (await askAll([asked]))[0],
    correct: async (asked, { chargedAt }, units) =>
      (await decide([{ ...check(asked), cost: units, since: chargedAt }]))[0],
  };
}

/** @throws {Error} When the two differ as JSON. */
export function expect(what: string, actual: unknown, wanted: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what} must be ${should}: current value is ${is}`);
}

/** The verdicts, in order. */
export const verdicts = (decisions: readonly Decision[]): boolean[] =>
  decisions.map(({ allowed }) => allowed);
/** The units left, in order. */
export const left = (decisions: readonly Decision[]): number[] => decisions.map(({ remaining }) => remaining);

/** Behaviours by their sentences. */
export type Behaviours = Readonly<Record<string, (tools: StoreTools) => Promise<void>>>;

/**
 * Runs a behaviour over a store.
 *
 * @throws {Error} When the store does something else.
 */
export function runBehaviour(
  behaviour: Behaviours[string],
  subject: StoreUnderTest,
  realTime?: RealTime,
): Promise<void> {
  return inPassingTime(
    async (time) => await behaviour(await toolsFor(subject, time)),
    subject.advance,
    realTime,
  );
}
