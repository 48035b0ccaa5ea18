/**
 * The interface of authentication: who is asking, between the two stages of rules.
 *
 * @module
 */

import type { Context, Identity } from "../context.ts";
import type { MaybePromise } from "../maybe.ts";
/**
 * Finds out who is asking, after the before-auth rules have let the request pass.
 *
 * @returns The identity; null for an anonymous request; or a Response (a 401), which is sent as it is.
 */
export type Authenticate = ((context: Context) => MaybePromise<Identity | Response | null>) & {
  /** Who is asking was found out before this throttle, which is therefore not what protects authentication. Default false. */
  readonly isOver?: boolean;
};
