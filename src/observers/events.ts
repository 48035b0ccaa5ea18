/**
 * The events of a throttle, and the interface of an observer, which can neither decide nor break anything.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { type MaybePromise, rescue } from "../maybe.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { complain } from "../warn_once.ts";

/** An event of a throttle. */
export interface ThrottleEvent {
  /**
   * `allowed`, `denied`: the verdict on a request, once each. `shadow-denied`: a rule in shadow mode, or the trial of a
   * rule (its decision has `trialOf`), would have refused it. `skipped`: a rule does not apply to it. `settled`: a
   * charge was corrected. `blocked`: a block refused it. `store`: the store started to fail, or works again. `error`: a
   * user's function threw, or returned an invalid value.
   */
  type: "allowed" | "denied" | "shadow-denied" | "skipped" | "settled" | "blocked" | "store" | "error";
  /** Epoch ms. */
  at: number;
  /** The request's method; "" for an event of the store. */
  method: string;
  /** The route pattern that matched, never the raw path. */
  route: string | null;
  /** All decisions on the request so far; for an event of a single rule, its decision. */
  decisions: readonly Decision[];
  /** The rule of the event; for `denied` the first that refuses. */
  rule?: string;
  /** The rule's partition key: a short keyed hash of it, or, with `revealKeys`, the key itself. */
  key?: string;
  /** The error. */
  error?: unknown;
  /** The new state of the store. */
  state?: "failing" | "healed";
  /** The failing part of the store, if it fails in parts: a node of a cluster, or one rule. */
  part?: string;
  /** The time of the verdict in ms, without authentication. */
  durationMs?: number;
}

/** Observes a throttle. An error of an observer is reported once to `console.error` and changes nothing. */
export interface Observer {
  /** Receives every event. The observers of a throttle receive the same object: change a copy. */
  (event: ThrottleEvent): void;
  /** Receives the status of every response, refusals included, which no event contains. */
  readonly answered?: (status: number) => void;
}

/**
 * An event of a request. A private field holds the request itself, so that a log of events contains nothing
 * raw; observers of this package read it by {@link ExchangeEvent.exchange}.
 */
export class ExchangeEvent implements ThrottleEvent {
  declare readonly type: ThrottleEvent["type"];
  declare readonly at: number;
  declare readonly method: string;
  declare readonly route: string | null;
  declare readonly decisions: readonly Decision[];
  declare rule?: string;
  declare key?: string;
  declare error?: unknown;
  declare durationMs?: number;
  readonly #exchange: Exchange;

  constructor(type: ThrottleEvent["type"], at: number, exchange: Exchange, decisions: readonly Decision[]) {
    this.type = type;
    this.at = at;
    this.method = exchange.request.method;
    this.route = exchange.route;
    this.decisions = decisions;
    this.#exchange = exchange;
  }

  /** Consoles show an event as a plain object then, and not under the letters that a minifier calls this class by. */
  get ["constructor"](): ObjectConstructor {
    return Object;
  }

  /** The exchange of an event; undefined for an event of the store, or one that no throttle made. */
  static exchange(event: ThrottleEvent): Exchange | undefined {
    return #exchange in event ? event.#exchange : undefined;
  }
}

/** Combines observers. */
export function broadcast(
  observers: readonly Observer[],
): Observer & { readonly answered: (status: number) => void } {
  const broken = new WeakSet<Observer>();
  function failed(error: unknown, observer: Observer): void {
    if (broken.has(observer)) return;
    broken.add(observer);
    complain(
      "An observer of a throttle failed. It still receives events, and its further errors are not reported.",
      error,
    );
  }

  return Object.assign((event: ThrottleEvent): void => {
    for (const observer of observers) {
      rescue<void, Observer>((observer) => observer(event) as MaybePromise<void>, failed, observer);
    }
  }, {
    answered(status: number): void {
      for (const observer of observers) {
        rescue<void, Observer>((observer) => observer.answered?.(status), failed, observer);
      }
    },
  });
}
