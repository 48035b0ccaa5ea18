/**
 * The interface of authentication, which runs between the two stages of rules.
 *
 * @module
 */

import type { Context, Identity } from "../context.ts";
import type { MaybePromise } from "../maybe.ts";

/**
 * Identifies the sender of a request that the before-auth rules let pass.
 *
 * @returns The identity; null for an anonymous request; or a Response (a 401), which is sent unchanged.
 */
export type Authenticate = ((context: Context) => MaybePromise<Identity | Response | null>) & {
  /**
   * Did something before this throttle authenticate the request? Then this throttle does not protect
   * authentication. Default false.
   */
  readonly isOver?: boolean;
};
