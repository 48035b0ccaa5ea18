/**
 * The interface of a rejection: the Response to a refused request.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Decision } from "../decision.ts";
import type { Quota } from "../headers/format.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Outcome } from "../outcome.ts";
import { type Denial, denialFields } from "./denial.ts";

/** Describes a rejection to an API's users (OpenAPI). */
export interface RejectionDescription {
  /** The body's media type. */
  readonly contentType: string;
  /** JSON schema of the body for a status, 429 or 503. */
  schema(status: 429 | 503): Readonly<Record<string, unknown>>;
  /** The body, as JSON, for a refusal with these decisions, of these quotas. Default: documents show no example. */
  example?(
    decisions: readonly Decision[],
    quotas?: readonly Pick<Quota, "name" | "unit" | "every">[],
  ): unknown;
}

/**
 * Makes the response to a refused request. The throttle adds rate headers and `Cache-Control: no-store`, and
 * answers HEAD without a body, for your own function too.
 */
export type Rejection = ((outcome: Outcome, context: Context) => MaybePromise<Response>) & {
  /** Describes the body for OpenAPI. */
  readonly describe?: RejectionDescription;
};

/** Makes the denial of a request with these decisions. */
export type Deny = (decisions: readonly Decision[], context: Context) => Denial;

/** The rejections of this package. */
const rejections = new WeakMap<Rejection, Deny>();

/** Makes a rejection of this package out of its denials; without a description where no document describes it. */
export function rejectionOf(deny: Deny, describe?: RejectionDescription): Rejection {
  function reject({ decisions }: Outcome, context: Context): Response {
    const denial = deny(decisions, context);
    return new Response(denial.body, { status: denial.status, headers: denialFields(denial) });
  }
  const rejection = Object.assign(reject, describe && { describe });
  rejections.set(rejection, deny);
  return rejection;
}

/** Makes the denials of a rejection of this package, which are cheaper than its responses; undefined for another rejection. */
export function denyOf(reject: Rejection): Deny | undefined {
  return rejections.get(reject);
}
