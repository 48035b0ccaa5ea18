/**
 * The view of an exchange that handlers and callers of `check` have.
 *
 * @module
 */

import { cannot, shown } from "../cannot.ts";
import type { Decision } from "../decision.ts";
import type { Outcome, RequestThrottle } from "../outcome.ts";
import { isCost } from "../rules/prepare_rules.ts";
import { type Exchange, exchangeOf } from "./exchange.ts";
import { holdSlots } from "./hold.ts";
import { requireRequest } from "./require_request.ts";

/** {@link RequestThrottle.settle} of an exchange and of those around it. */
function settler(exchange: Exchange): RequestThrottle["settle"] {
  return (rule, cost) => {
    if (!isCost(cost)) {
      throw new RangeError(
        cannot(`settle rule ${shown(rule)}`, "cost must be an integer of at least 0", cost),
      );
    }
    for (let level: Exchange | null = exchange; level !== null; level = level.outer) {
      const settled = level.throttle.settle(level, rule, cost);
      if (settled !== false) return settled;
    }
    throw new TypeError(
      `Cannot settle a rule that no throttle of this request has: current value is ${shown(rule)}`,
    );
  };
}

/** The view that a handler has of an exchange and of the exchanges around it. */
export function requestThrottle(exchange: Exchange): RequestThrottle {
  return {
    get decisions() {
      const decisions: Decision[] = [];
      for (let level: Exchange | null = exchange; level !== null; level = level.outer) {
        decisions.unshift(...level.checks.map(({ decision }) => decision));
      }
      return decisions;
    },
    settle: settler(exchange),
    hold: () => holdSlots(exchange),
  };
}

/**
 * The decisions of the throttles around a handler about its request, and the functions that settle its real cost and hold its
 * slots. They belong to the Request object: where one object is handled twice at once, both handlers get those of the later
 * call, so give each call a Request of its own.
 *
 * @param request The request that the handler was given.
 * @returns Undefined for a request that came through no throttle.
 * @throws {TypeError} When it is no Request.
 *
 * @example The tokens that an answer really took
 * ```ts
 * import { throttleOf, withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const handler = withThrottle(async (request) => {
 *   await throttleOf(request)?.settle("tokens", 120);
 *   return new Response("answer");
 * }, { name: "tokens", rate: "1000/hour", cost: 500 }, { client: { address: () => "192.0.2.1" } });
 *
 * const response = await handler(new Request("https://example.com/"));
 * equal(response.headers.get("x-ratelimit-remaining"), "880");
 * ```
 */
export function throttleOf(request: Request): RequestThrottle | undefined {
  requireRequest(request);
  const exchange = exchangeOf(request);
  return exchange === undefined ? undefined : requestThrottle(exchange);
}

/**
 * The outcome of an exchange. A class, as an object literal with a getter takes V8 twenty times as long to make as all
 * the rest.
 */
export class ExchangeOutcome implements Outcome {
  declare readonly decisions: readonly Decision[];
  declare readonly settle: Outcome["settle"];
  declare readonly allowed: boolean;
  declare readonly response: Response | null;
  declare readonly label: Outcome["label"];
  readonly #headers: () => Headers;

  constructor(
    exchange: Exchange,
    allowed: boolean,
    response: Response | null,
    label: Outcome["label"],
    headers: () => Headers,
  ) {
    this.decisions = exchange.checks.map(({ decision }) => decision);
    this.settle = settler(exchange);
    this.allowed = allowed;
    this.response = response;
    this.label = label;
    this.#headers = headers;
  }

  get headers(): Headers {
    return this.#headers();
  }
}
