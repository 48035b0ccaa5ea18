/**
 * What watchers see. They neither decide nor break anything.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import { type MaybePromise, rescue } from "./maybe.ts";

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
}

/** Watches a throttle. What it throws is reported once to `console.error` and changes nothing. */
export type Observer = (event: ThrottleEvent) => void;

/**
 * One function that tells all observers.
 *
 * @throws {TypeError} When an observer is not a function.
 */
export function broadcast(observers: readonly Observer[]): (event: ThrottleEvent) => void {
  const broken = new WeakSet<Observer>();
  for (const observer of observers) {
    if (typeof observer !== "function") {
      throw new TypeError(
        `Cannot create a throttle as each of its observers must be a function: current value is ${
          String(observer)
        }`,
      );
    }
  }
  return (event) => {
    for (const observer of observers) {
      rescue<void>(() => observer(event) as MaybePromise<void>, (error) => {
        if (broken.has(observer)) return;
        broken.add(observer);
        console.error(
          "An observer of a throttle failed; it is told of events still, and not reported again.",
          error,
        );
      });
    }
  };
}
