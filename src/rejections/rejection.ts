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
import type { Denial } from "./denial.ts";

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

/** A quota and its decision. To read its own numbers takes less than to make the decision, which has the same. */
export interface DecidedQuota extends Quota, Pick<Decision, "mode"> {
  readonly source: Decision["source"] | null;
  readonly decision: Decision;
}

/** Quotas by name. */
type Quotas = readonly Pick<Quota, "name" | "unit" | "every">[];

/** Decisions as quotas, with what these say of them. */
export function decidedQuotas(
  decisions: readonly Decision[],
  quotas: Quotas | undefined,
): readonly DecidedQuota[] {
  return decisions.map((decision) => {
    const quota = quotas?.find(({ name }) => name === decision.rule);
    return { ...decision, name: decision.rule, unit: quota?.unit, every: quota?.every, decision };
  });
}

/** Makes the denial of a request under these quotas. */
export type Deny = (quotas: readonly DecidedQuota[], context: Context) => Denial;

/** The quotas of the rules that were asked, in a throttle's own context. */
interface Checked {
  readonly checks?: Quotas;
}

/** The rejections of this package. */
const rejections = new WeakMap<Rejection, Deny>();

/** Makes a rejection of this package out of its denials. */
export function rejectionOf(deny: Deny, describe: RejectionDescription): Rejection {
  function reject({ decisions }: Outcome, context: Context): Response {
    const quotas = decidedQuotas(decisions, (context as Checked | undefined)?.checks);
    const { body, status, fields } = deny(quotas, context);
    return new Response(body, { status, headers: { ...fields.record } });
  }
  const rejection = Object.assign(reject, { describe });
  rejections.set(rejection, deny);
  return rejection;
}

/** The same for throttles that keep it to themselves: they ask for its denials, and nobody calls it. */
export function plainRejection(deny: Deny): Rejection {
  const rejection = deny as unknown as Rejection;
  rejections.set(rejection, deny);
  return rejection;
}

/** Makes the denials of a rejection of this package, which are cheaper than its responses; undefined for another rejection. */
export function denyOf(reject: Rejection): Deny | undefined {
  return rejections.get(reject);
}
