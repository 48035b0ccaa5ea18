/**
 * The interface of a rejection: the Response a refused request gets.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Decision } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Outcome } from "../outcome.ts";

/** How one rejection is described to an API's users (OpenAPI). */
export interface RejectionDescription {
  /** The body's media type. */
  readonly contentType: string;
  /** JSON schema of the body for a status, 429 or 503. */
  schema(status: 429 | 503): Readonly<Record<string, unknown>>;
  /** The body, as JSON, of the refusal that these decisions make. Default: documents show no example. */
  example?(decisions: readonly Decision[]): unknown;
}

/**
 * Makes the answer to a refused request. Rate headers, `Cache-Control: no-store` and HEAD are seen to by the
 * throttle, for your own function too.
 */
export type Rejection = ((outcome: Outcome, context: Context) => MaybePromise<Response>) & {
  /** What the body looks like, for OpenAPI. */
  readonly describe?: RejectionDescription;
};

/** Those that come with this package. */
const rejections = new WeakSet<Rejection>();

/** A rejection that comes with this package: whatever it answers is a {@link denial}, made anew for each request. */
export function rejectionOf(
  reject: (outcome: Outcome) => Response,
  describe: RejectionDescription,
): Rejection {
  const rejection = Object.assign(reject, { describe });
  rejections.add(rejection);
  return rejection;
}

/** Is every answer fresh: made for this request, not to be stored, and without headers of anybody else's? */
export function makesFresh(reject: Rejection): boolean {
  return rejections.has(reject);
}
