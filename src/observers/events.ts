/**
 * What watchers see. They neither decide nor break anything.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { type MaybePromise, rescue } from "../maybe.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { complain } from "../warn_once.ts";

/** Something that a throttle did. */
export interface ThrottleEvent {
  /**
   * `allowed`, `denied`: the verdict on a request, once each. `shadow-denied`: a shadow rule would have
   * refused it. `skipped`: a rule does not apply to it. `settled`: a charge was corrected. `blocked`: the
   * refusal was a block's. `store`: the store began to fail, or works again. `error`: a function of the user's threw, or gave
   * what cannot be used.
   */
  type: "allowed" | "denied" | "shadow-denied" | "skipped" | "settled" | "blocked" | "store" | "error";
  /** Epoch ms. */
  at: number;
  /** The request's method; "" for an event of the store. */
  method: string;
  /** The route pattern that matched, never the raw path. */
  route: string | null;
  /** All decisions on the request so far; the one in question for an event of a single rule. */
  decisions: readonly Decision[];
  /** The rule in question; for `denied` the first that refuses. */
  rule?: string;
  /** Its partition key: a short keyed hash of it, or, with `revealKeys`, the key itself. */
  key?: string;
  /** What was thrown, or what is wrong. */
  error?: unknown;
  /** Which way the store changed. */
  state?: "failing" | "healed";
  /** The part of the store that changed, where it fails in parts: a node of a cluster, or one rule. */
  part?: string;
  /** Of a verdict: ms that deciding took, authentication apart. */
  durationMs?: number;
}

/** Watches a throttle. What it throws is reported once to `console.error` and changes nothing. */
export interface Observer {
  /** Told of every event. */
  (event: ThrottleEvent): void;
  /** Told of the status of every response, refusals included, by who counts those: no event says it. */
  readonly answered?: (status: number) => void;
}

/**
 * An event of a request. The request itself stays in a private field, so that whoever logs events logs nothing
 * raw; observers of this package read it by {@link ExchangeEvent.exchange}.
 */
export class ExchangeEvent implements ThrottleEvent {
  readonly type: ThrottleEvent["type"];
  readonly at: number;
  readonly method: string;
  readonly route: string | null;
  readonly decisions: readonly Decision[];
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

  /** The exchange that an event is about; undefined for one of the store, or that a throttle did not make. */
  static exchange(event: ThrottleEvent): Exchange | undefined {
    return #exchange in event ? event.#exchange : undefined;
  }
}

/** One observer that tells all observers. */
export function broadcast(
  observers: readonly Observer[],
): Observer & { readonly answered: (status: number) => void } {
  const broken = new WeakSet<Observer>();
  function failed(error: unknown, observer: Observer): void {
    if (broken.has(observer)) return;
    broken.add(observer);
    complain("An observer of a throttle failed; it is told of events still, and not reported again.", error);
  }

  const counting = observers.filter(({ answered }) => answered !== undefined);
  return Object.assign((event: ThrottleEvent): void => {
    for (const observer of observers) {
      rescue<void, Observer>((observer) => observer(event) as MaybePromise<void>, failed, observer);
    }
  }, {
    answered(status: number): void {
      for (const observer of counting) {
        rescue<void, Observer>((observer) => observer.answered?.(status), failed, observer);
      }
    },
  });
}
