/**
 * The interface of an algorithm: one pure step over integers, written twice side by side, in TypeScript and
 * in Lua, so that any store can run it and the two can be compared exactly.
 *
 * @module
 */

import type { Mode } from "../decision.ts";

/** What a rule grants: `limit` units a `windowMs`. */
export interface Policy {
  /** The rule's name. */
  readonly name: string;
  /** Units a window. */
  readonly limit: number;
  /** The window in ms. */
  readonly windowMs: number;
  /** Whether the rule refuses, or only reports. */
  readonly mode: Mode;
}

/** What one step says. Times are integer ms. */
export interface Step<State = unknown> {
  /** Does the cost pass? Always true for a correction. */
  readonly allowed: boolean;
  /** Whole units left after this step. */
  readonly remaining: number;
  /** Until nothing is used any more, if nothing else comes. */
  readonly resetAfterMs: number;
  /** Until this cost passes; 0 when allowed. */
  readonly retryAfterMs: number;
  /**
   * What to remember: kept when every rule allows the request, or when this step refuses. A step that
   * changes nothing (refused, cost 0) hands back the very state it was given.
   */
  readonly state: State | null;
  /** How long the state means anything; once this has passed it equals no state. */
  readonly ttlMs: number;
  /** The time that names this charge to a later correction: the window's start, the log entry's time. Default: now. */
  readonly at?: number | undefined;
  /** Ms for which a block still refuses, whatever the cost. The quota beneath may refuse for longer. Default 0: no block refuses. */
  readonly blockedMs?: number | undefined;
}

/**
 * An algorithm: what is remembered of a key, and what one more request makes of it. Write one as an object
 * with a `step`; nothing else is needed to use it in memory. To run it on Redis it needs its `lua` twin.
 */
export interface Algorithm<State = unknown> {
  /** Its name in compiled rules, and where its states are kept: two of one name must read each other's. Default "custom". */
  readonly name?: string | undefined;
  /**
   * How its states are written, where that takes more than its name to tell: `gcra+block`. A store hands it states of this
   * form alone. Default: its name.
   */
  readonly form?: string | undefined;
  /**
   * Decides one request. Pure: reads no clock, keeps nothing, changes none of its arguments.
   *
   * @param state What the last step said to remember, or null.
   * @param policy The limit in units and the window in ms.
   * @param now Epoch ms by the store's clock. It may step back: by up to a window that must neither add nor remove quota, and
   * a time in the state that is further ahead is to be taken for now.
   * @param cost Units, an integer: at least 0, or, for a correction, what to add to or (negative) give back from a charge.
   * @param since Null for a request. For a correction the {@link Step.at} of the charge that it corrects: it must reach
   * that window, entry or slot and no other, is never refused, and clamps at 0 used.
   */
  step(state: State | null, policy: Policy, now: number, cost: number, since: number | null): Step<State>;
  /**
   * The twin: a Lua expression whose value is a function `(state, limit, window, now, cost, since, p)`, with
   * `state` an array of integers or nil, `since` an integer or nil and `p` the array of {@link params}, that
   * returns `allowed, remaining, reset, retry, state, ttl, at, blocked`, the last being `blockedMs`, or false.
   */
  readonly lua?: string | undefined;
  /** The algorithm's own numbers, for the twin. */
  readonly params?: readonly number[] | undefined;
  /**
   * How many integers its state always has, where that is a constant from 2 to 4 and the step itself sees when a state is past its time.
   * A memory store then keeps such states packed. Default: not packed.
   */
  readonly stateSize?: number | undefined;
  /** Does quota come back bit by bit rather than all at once? Header fields then understate how soon. Default false. */
  readonly refillsGradually?: boolean | undefined;
  /** The quota unit of the RateLimit fields. Default "requests". */
  readonly unit?: "requests" | "content-bytes" | "concurrent-requests" | undefined;
  /**
   * The window that the algorithm brings, in ms: a lease for concurrency, a month for a quota per calendar month. A rule's
   * rate is then a limit alone (`{ limit }`). Headers and reports show it as the rule's window, so where its length varies
   * it should be the longest. Default: the rate brings the window.
   */
  readonly window?: number | undefined;
  /** Is a charge held only while its request runs, and given back when the response ends, as a slot is? Default false. */
  readonly heldWhileRunning?: boolean | undefined;
  /** May a refusal turn before its `retryAfterMs` has passed, as a freed slot does? Such refusals are never cached. Default: true for custom ones. */
  readonly mayFreeEarly?: boolean | undefined;
  /** Does a refusal itself change the state, as under a block? Then the store must hear of every one. Default: what `revocable` says. */
  readonly countsDenials?: boolean | undefined;
  /**
   * How long a charge may wait to be used: the end of the time, epoch ms, before which no more passes in any window if
   * its units are used late than if they were used when charged. Default: units are used when they are charged.
   *
   * @param at The {@link Step.at} of the charge.
   */
  usableUntil?: ((at: number, windowMs: number) => number) | undefined;
  /** The greatest cost that can ever pass under this limit. Default: not known, so every cost is stepped. */
  capacity?: ((limit: number) => number) | undefined;
  /** Says in a few words what of this policy the algorithm cannot do exactly, or null. Asked when the rule is built. */
  unsupported?: ((limit: number, windowMs: number) => string | null) | undefined;
}
