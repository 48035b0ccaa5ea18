/**
 * The interface of an algorithm: one pure step over integers, written in TypeScript and in Lua, so that any
 * store can run it and a test can compare the two exactly.
 *
 * @module
 */

import type { Mode } from "../decision.ts";

/** A unit of the calendar. */
export type Every = "day" | "week" | "month" | "year";

/** The quota of a rule: `limit` units per `windowMs`, or per calendar period. */
export interface Policy {
  /** The rule's name. */
  readonly name: string;
  /** Units per window. */
  readonly limit: number;
  /** The window in ms. */
  readonly windowMs: number;
  /** Does the rule enforce its limit, or only report? */
  readonly mode: Mode;
  /**
   * The times at which calendar periods begin, epoch ms, ascending: the current one by the clock of the process that asks,
   * and its neighbours. The period that contains the store's time is the window; where the list has none, it is `windowMs`
   * long. Default: windows have no fixed beginnings.
   */
  readonly boundaries?: readonly number[] | undefined;
  /** The unit of the calendar whose periods these are, for people to read. Default: the window has a fixed length. */
  readonly every?: Every | undefined;
  /** The name of the rule that this one is the trial of. Default: it is no trial. */
  readonly trialOf?: string | undefined;
}

/** The result of one step. Times are integer ms. */
export interface Step<State = unknown> {
  /** Does the cost pass? Always true for a correction. */
  readonly allowed: boolean;
  /** Whole units left after this step. */
  readonly remaining: number;
  /** The time until no unit is in use, without further requests. */
  readonly resetAfterMs: number;
  /** The time until this cost passes; 0 if allowed. */
  readonly retryAfterMs: number;
  /**
   * The new state. A store keeps it if every rule allows the request, or if this step refuses. A step that
   * changes nothing (refused, cost 0) returns the same state object.
   */
  readonly state: State | null;
  /** The lifetime of the state; afterwards it is equivalent to no state. */
  readonly ttlMs: number;
  /**
   * The time that identifies this charge for a later correction: the window's start, or the log entry's time.
   * Default: now.
   */
  readonly at?: number | undefined;
  /**
   * Ms for which a block still refuses, whatever the cost. The quota beneath may refuse for longer. Default 0: no block
   * refuses.
   */
  readonly blockedMs?: number | undefined;
}

/**
 * An algorithm: the state of a key, and the effect of one more request on it. Write one as an object with a
 * `step`; a memory store needs nothing else. A Redis store needs its `lua` twin.
 */
export interface Algorithm<State = unknown> {
  /**
   * Its name in compiled rules and in the keys of its states: two algorithms of one name must read each
   * other's states. Default "custom".
   */
  readonly name?: string | undefined;
  /**
   * The name of its state format, if it differs from the algorithm's name: `gcra+block`. A store passes only
   * states of this format. Default: its name.
   */
  readonly form?: string | undefined;
  /**
   * Decides one request. Pure: it reads no clock, keeps nothing, and changes none of its arguments.
   *
   * @param state The state that the last step returned, or null.
   * @param policy The limit in units and the window in ms.
   * @param now Epoch ms of the store's clock. It may go back: by up to one window this must neither add nor
   * remove quota; a time in the state that is further ahead counts as now.
   * @param cost Integer units. For a request at least 0; for a correction the units to add to the charge or
   * (negative) to give back.
   * @param since Null for a request. For a correction, the {@link Step.at} of the corrected charge: the step
   * must change that window, entry or slot and no other, must not refuse, and clamps at 0 used units.
   */
  step(state: State | null, policy: Policy, now: number, cost: number, since: number | null): Step<State>;
  /**
   * The Lua twin: an expression whose value is a function `(state, limit, window, now, cost, since, p)`,
   * where `state` is an array of integers or nil, `since` an integer or nil, and `p` the array of {@link
   * params}, then of {@link Policy.boundaries}. It returns `allowed, remaining, reset, retry, state, ttl, at,
   * blocked`; the last is `blockedMs`, or false.
   */
  readonly lua?: string | undefined;
  /** The algorithm's own parameters, for the twin. */
  readonly params?: readonly number[] | undefined;
  /**
   * The number of integers in its state, if that is a constant from 2 to 4 and the step itself ignores an
   * expired state. A memory store then packs its states. Default: not packed.
   */
  readonly stateSize?: number | undefined;
  /**
   * Does quota return continuously rather than at the window's end? Header fields then understate how soon.
   * Default false.
   */
  readonly refillsGradually?: boolean | undefined;
  /** The quota unit of the RateLimit fields. Default "requests". */
  readonly unit?: "requests" | "content-bytes" | "concurrent-requests" | undefined;
  /**
   * The algorithm's own window, in ms: a lease for concurrency, a month for a quota per calendar month. A
   * rule's rate is then a limit alone (`{ limit }`). Headers and reports show it as the rule's window; if its
   * length varies, set the longest. Default: the rate has the window.
   */
  readonly window?: number | undefined;
  /** Does its step go by {@link Policy.boundaries}, so that a rate may be of calendar periods? Default false. */
  readonly countsPeriods?: boolean | undefined;
  /**
   * Is a charge held only while its request runs, and given back when the response ends, like a concurrency
   * slot? Default false.
   */
  readonly heldWhileRunning?: boolean | undefined;
  /**
   * Makes an algorithm on the same states that moves charges, so that one which is held can be held for longer. Its corrections
   * take `cost` units from the charge at `since`, as many of them as are left there, and charge all of `cost` at another time.
   * Default: a charge that is held ends with its lease.
   *
   * @param to The {@link Step.at} of the charge from then on. A twin gets it as the last of its `p`.
   */
  moving?: ((to: number) => Algorithm<State>) | undefined;
  /**
   * May a refused request pass before its `retryAfterMs`, for example when a slot is freed? Such refusals are
   * never cached. Default: true for custom algorithms.
   */
  readonly mayFreeEarly?: boolean | undefined;
  /**
   * Does a refusal change the state, as under a block? Then the store must decide every one. Default: the
   * value of `mayFreeEarly`.
   */
  readonly countsDenials?: boolean | undefined;
  /**
   * The time, epoch ms, until which a charge may be used late without letting more units pass in any window
   * than a charge that is used at once. Default: units are used when they are charged.
   *
   * @param at The {@link Step.at} of the charge.
   */
  usableUntil?: ((at: number, windowMs: number) => number) | undefined;
  /** The greatest cost that can pass under this limit. Default: unknown, so every cost is stepped. */
  capacity?: ((limit: number) => number) | undefined;
  /** Explains a policy that the algorithm cannot apply exactly, or returns null. Called when the rule is built. */
  unsupported?: ((limit: number, windowMs: number) => string | null) | undefined;
}

/** A check, as a step needs it. */
export interface Stepped {
  readonly algorithm: Algorithm;
  readonly policy: Policy;
  /** As {@link Algorithm.step} takes it. */
  readonly since: number | null;
}
