/**
 * The interface of authentication: who is asking, between the two stages of rules.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { MaybePromise } from "../maybe.ts";

/** Who is asking, as authentication found. */
export interface Identity {
  /** Stable and unique among all that may ask. */
  id: string;
  /** A plan or tier, for rates that depend on it. */
  tier?: string;
  /** Exempt from `byUser` rules unless told otherwise. */
  staff?: boolean;
  /** Exempt from `byUser` rules unless told otherwise. */
  superuser?: boolean;
  /** What the credentials said, verified. */
  claims?: Record<string, unknown>;
}

/**
 * Finds out who is asking, after the before-auth rules have let the request pass.
 *
 * @returns The identity; null for an anonymous request; or a Response (a 401), which is sent as it is.
 */
export type Authenticate = ((context: Context) => MaybePromise<Identity | Response | null>) & {
  /** Who is asking was found out before this throttle, which is therefore not what protects authentication. Default false. */
  readonly isOver?: boolean;
};
