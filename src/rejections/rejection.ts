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

/** Describes a rejection to an API's users (OpenAPI). */
export interface RejectionDescription {
  /** The body's media type. */
  readonly contentType: string;
  /** JSON schema of the body for a status, 429 or 503. */
  schema(status: 429 | 503): Readonly<Record<string, unknown>>;
  /** The body, as JSON, for a refusal with these decisions, of these quotas. Default: documents show no example. */
  example?(decisions: readonly Decision[], quotas?: readonly Pick<Quota, "name" | "unit">[]): unknown;
}

/**
 * Makes the response to a refused request. The throttle adds rate headers and `Cache-Control: no-store`, and
 * answers HEAD without a body, for your own function too.
 */
export type Rejection = ((outcome: Outcome, context: Context) => MaybePromise<Response>) & {
  /** Describes the body for OpenAPI. */
  readonly describe?: RejectionDescription;
};

/** The rejections of this package. */
const rejections = new WeakSet<Rejection>();

/** Registers a rejection of this package: each of its responses is a new {@link denial}. */
export function rejectionOf(
  reject: (outcome: Outcome, context: Context) => Response,
  describe: RejectionDescription,
): Rejection {
  const rejection = Object.assign(reject, { describe });
  rejections.add(rejection);
  return rejection;
}

/** Is every response new for its request, not storable, and free of foreign headers? */
export function makesFresh(reject: Rejection): boolean {
  return rejections.has(reject);
}
