/**
 * What a throttle says about one request.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { MaybePromise } from "./maybe.ts";

/** What a handler can learn and do about the throttling of its own request. */
export interface RequestThrottle {
  /** One per rule that applied, in rule order, shadow ones included. */
  readonly decisions: readonly Decision[];
  /**
   * Says what this request really cost under a rule, in units: the difference to what was charged is given
   * back or added, in the window that was charged. The first call decides, later ones do nothing.
   *
   * @throws {TypeError} When the throttle has no rule of that name, or the cost is not an integer of at least 0.
   */
  settle(rule: string, cost: number): MaybePromise<void>;
}

/** What {@link Throttle.check} answers. */
export interface Outcome extends RequestThrottle {
  /** May the request go on to its handler? */
  readonly allowed: boolean;
  /** The answer to a request that may not: the 429 or 503, or what `authenticate` answered. Null when allowed. */
  readonly response: Response | null;
  /**
   * Puts the rate headers on the handler's response and ends what the request holds (its `count`, its
   * concurrency slots, once the body ends). Call it once, with the response that is sent.
   *
   * @returns The same object where its headers can be changed, else a copy.
   */
  label(response: Response): Response;
}
