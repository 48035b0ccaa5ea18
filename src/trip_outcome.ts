/**
 * What `check` answers about a trip, and what a rejection is made from.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { Outcome } from "./outcome.ts";
import { settler, type Trip } from "./trip.ts";

/** What an outcome needs of its throttle. */
export interface Teller {
  /** Puts the rate headers on a response and ends what the request holds. */
  label(trip: Trip, response: Response, allowed: boolean): Response;
  /** Writes the rate headers into empty ones. */
  write(trip: Trip, headers: Headers, allowed: boolean): void;
}

/** A class for its getter: in an object literal a getter takes V8 twenty times as long to make as all the rest, on every refusal. */
export class TripOutcome implements Outcome {
  readonly allowed: boolean;
  readonly response: Response | null;
  readonly decisions: readonly Decision[];
  readonly settle: Outcome["settle"];
  readonly label: Outcome["label"];
  readonly #trip: Trip;
  readonly #teller: Teller;

  constructor(trip: Trip, allowed: boolean, response: Response | null, teller: Teller) {
    this.allowed = allowed;
    this.response = response;
    this.decisions = trip.parts.map(({ decision }) => decision);
    this.settle = settler(trip);
    this.label = (answer) => teller.label(trip, answer, allowed);
    this.#trip = trip;
    this.#teller = teller;
  }

  get headers(): Headers {
    const headers = new Headers();
    this.#teller.write(this.#trip, headers, this.allowed);
    return headers;
  }
}
