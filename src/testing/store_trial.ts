/**
 * What the behaviours of stores are tried with.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { concurrency } from "../algorithms/concurrency.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { gcra } from "../algorithms/gcra.ts";
import { slidingLog } from "../algorithms/sliding_log.ts";
import { slidingWindow } from "../algorithms/sliding_window.ts";
import type { Decision, Mode } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Check, Store } from "../stores/store.ts";

/** How the behaviours get at the store that is tried. */
export interface StoreUnderTest {
  /** Opens the store. Where it is shared, every call gives another instance on the same states. */
  open(): MaybePromise<Store>;
  /** Lets time pass by the store's own clock, in ms. Default: really waits, a few seconds in all. */
  advance?(ms: number): MaybePromise<void>;
}

/** The window of whatever need not end. */
export const MINUTE_MS = 60_000;
/** One request in a window that may really have to be waited for: long beside the few calls made within it. */
export const SHORT = { limit: 1, windowMs: 1000 };

/** The algorithms whose quota comes back with time. */
export const TIMED: readonly Algorithm[] = [fixedWindow(), gcra(), slidingLog(), slidingWindow()];

/** All algorithms. */
export const ALGORITHMS: readonly Algorithm[] = [...TIMED, concurrency({ lease: "1min" })];

/** A rule to ask about: everything that matters little has a default. */
export interface Asked {
  readonly rule?: string;
  readonly partition?: string;
  readonly limit?: number;
  readonly windowMs?: number;
  readonly mode?: Mode;
  readonly algorithm?: Algorithm;
  readonly cost?: number;
}

/** What one behaviour works with: checks under keys of its own. */
export interface Trial {
  readonly store: Store;
  open(): MaybePromise<Store>;
  advance(ms: number): MaybePromise<void>;
  check(asked?: Asked): Check;
  ask(asked?: Asked): Promise<Decision>;
  askAll(asked: readonly Asked[], spend?: boolean): Promise<readonly Decision[]>;
  /** Corrects a charge by some units. */
  correct(asked: Asked, charge: Decision, units: number): Promise<Decision>;
}

function wait(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

/** @returns A trial of a store. */
export async function trialOf({ open, advance = wait }: StoreUnderTest): Promise<Trial> {
  const store = await open();
  const own = crypto.randomUUID();
  function check(asked: Asked = {}): Check {
    const { rule = "rule", partition = "somebody", limit = 3, windowMs = MINUTE_MS, mode = "enforce" } =
      asked;
    const { algorithm = fixedWindow(), cost = 1 } = asked;
    const policy = { name: rule, limit, windowMs, mode };
    return { key: `${rule}:${own}:${partition}`, policy, algorithm, cost, since: null };
  }
  const askAll = async (asked: readonly Asked[], spend?: boolean): Promise<readonly Decision[]> =>
    await store.decide(asked.map(check), spend);
  return {
    store,
    open,
    advance,
    check,
    askAll,
    ask: async (asked = {}) => (await askAll([asked]))[0],
    correct: async (asked, { at = 0, chargedAt }, units) =>
      (await store.decide([{ ...check(asked), cost: units, since: chargedAt ?? at }]))[0],
  };
}

/** @throws {Error} When the two differ as JSON. */
export function expect(what: string, actual: unknown, wanted: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what} must be ${should}: current value is ${is}`);
}

/** Who may pass. */
export const verdicts = (decisions: readonly Decision[]): boolean[] =>
  decisions.map(({ allowed }) => allowed);
/** What is left. */
export const left = (decisions: readonly Decision[]): number[] => decisions.map(({ remaining }) => remaining);

/** Behaviours by their sentences. */
export type Behaviours = Readonly<Record<string, (trial: Trial) => Promise<void>>>;
