/**
 * What `check` answers about an exchange, and what a rejection is made from.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import type { Outcome } from "../outcome.ts";
import { type Exchange, settler } from "./exchange.ts";

/** A class for its getter: in an object literal a getter takes V8 twenty times as long to make as all the rest, on every refusal. */
export class TripOutcome implements Outcome {
  readonly decisions: readonly Decision[];
  readonly settle: Outcome["settle"];
  readonly allowed: boolean;
  readonly response: Response | null;
  readonly label: Outcome["label"];
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
