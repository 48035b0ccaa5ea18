/**
 * Keys on who is asking.
 *
 * @module
 */

import type { Identity } from "../context.ts";
import { EXEMPT, exemptingKeyOf, type Key } from "./key.ts";
import { cannot } from "../cannot.ts";
import { FUNCTION, requireOptions } from "../options.ts";

/** What {@link byUser} takes. */
export interface ByUserOptions {
  /** Says who is not limited. Default: staff and superusers. */
  exempt?: (identity: Identity) => boolean | undefined;
}

/**
 * A quota for each identity that `authenticate` found, by its id. Requests of nobody, and of those who are
 * exempt, are skipped; limit the former with `byIp({ anonymousOnly: true })`, or by `firstOf(byUser(), byIp())`, which
 * counts nobody who is exempt.
 *
 * @param options See {@link ByUserOptions}.
 * @returns A key; it runs after authentication.
 * @throws {TypeError} On an option that does not exist, or when `exempt` is not a function; per request, when an identity has no id.
 *
 * @example A quota for each user, staff included
 * ```ts
 * import { byUser, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "100/min", key: byUser({ exempt: () => false }) });
 * equal(throttle.rules[0].stage, "after-auth");
 * ```
 */
export function byUser(options: ByUserOptions = {}): Key {
  requireOptions(options, { exempt: FUNCTION }, "make byUser()");
  const { exempt = ({ staff, superuser }) => staff || superuser } = options;
  const key = exemptingKeyOf("user", "after-auth", ({ identity }) => {
    if (identity === null) return null;
    if (exempt(identity)) return EXEMPT;
    if (typeof identity.id === "string" && identity.id !== "") return identity.id;
    throw new TypeError(
      cannot("throttle by user", "the identity's id must be text, at least one character", identity.id),
    );
  });
  return Object.assign(key, { needsIdentity: true, dimensions: ["user_id"] });
}
