/**
 * The answers of a throttle: to a refused request, to one that authentication turns away, and to `check`.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { withBody } from "../exchange/body_end.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { ExchangeOutcome } from "../exchange/request_throttle.ts";
import { isResponse, markRefusal, withHeaders } from "../exchange/response.ts";
import { waitUntil } from "../exchange/wait_until.ts";
import { type MaybePromise, then } from "../maybe.ts";
import type { Notifier } from "../observers/notify.ts";
import type { Outcome } from "../outcome.ts";
import { forbidStoring } from "../rejections/denial.ts";
import { denyOf, type Rejection } from "../rejections/rejection.ts";
import type { Settlement } from "./settle.ts";
import type { Label, Labels } from "./write_headers.ts";

/** Makes the answer of `check`, and the denial that a rejection is made from. */
export type OutcomeOf = (exchange: Exchange, allowed: boolean, response: Response | null) => Outcome;

/** @returns The function that makes the outcomes of a throttle. */
export function compileOutcome({ label, write }: Labels, { settleByResponse }: Settlement): OutcomeOf {
  return (exchange, allowed, response) =>
    new ExchangeOutcome(exchange, allowed, response, (answer) => {
      if (allowed && exchange.matched.counts) {
        waitUntil(exchange.platform, settleByResponse(exchange, answer));
      }
      return label(answer, exchange, !allowed);
    }, () => {
      const headers = new Headers();
      write(headers, exchange, !allowed);
      return headers;
    });
}

/** The parts of a throttle that answer refused requests. */
export interface RefuseOptions {
  readonly reject: Rejection;
  readonly outcomeOf: OutcomeOf;
  readonly notifier: Notifier | null;
  /** Gives back the slots that the request holds while it runs. */
  readonly release: Settlement["release"];
  readonly labels: Labels;
}

/** @returns The function that answers a refused request. */
export function compileRefuse(
  { reject, outcomeOf, notifier, release, labels }: RefuseOptions,
): (exchange: Exchange) => MaybePromise<Response> {
  const deny = denyOf(reject);

  /** The charges of the first stage stay, but nothing runs any more: slots come free. */
  function refuse(exchange: Exchange): MaybePromise<Response> {
    exchange.who ??= null;
    notifier?.verdict(exchange, true);
    const released = exchange.matched.holds ? release(exchange) : undefined;
    return then(released, deny === undefined ? askUser : answer, exchange);
  }

  function answer(_: unknown, exchange: Exchange): Response {
    return labels.refuse(deny!(exchange.checks, exchange), exchange);
  }

  /** A rejection of the user's own makes a response. */
  function askUser(_: unknown, exchange: Exchange): MaybePromise<Response> {
    return then(reject(outcomeOf(exchange, false, null), exchange), labelRejection, exchange);
  }

  function labelRejection(rejection: Response, exchange: Exchange): Response {
    if (!isResponse(rejection)) {
      throw new TypeError(cannot("answer a refused request", "reject must give a Response", rejection));
    }
    const labelled = labels.label(withHeaders(rejection, forbidStoring), exchange, true);
    // HEAD gets the same fields and no content (RFC 9110 section 9.3.2).
    return exchange.request.method === "HEAD" && labelled.body
      ? markRefusal(withBody(labelled, null))
      : labelled;
  }

  return refuse;
}

/** @returns The function that sends the response of authentication, with the decisions of the first stage. */
export function compileTurnAway(
  { settleByResponse, release }: Settlement,
  notifier: Notifier | null,
  label: Label,
): (response: Response, exchange: Exchange) => MaybePromise<Response> {
  return (response, exchange) => {
    exchange.who = null;
    exchange.turnedAway = response.status;
    notifier?.verdict(exchange, false);
    return then(
      settleByResponse(exchange, response),
      () => then(release(exchange), () => label(response, exchange)),
    );
  };
}
