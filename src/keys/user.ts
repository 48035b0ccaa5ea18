/**
 * Keys by identity.
 *
 * @module
 */

import type { Identity } from "../context.ts";
import { EXEMPT, exemptingKeyOf, type Key, type Partition } from "./key.ts";
import { cannot } from "../cannot.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { FUNCTION, requireOptions } from "../options.ts";

/** The options of {@link byUser}. */
export interface ByUserOptions {
  /** Is this identity exempt from the limit? Default: staff and superusers are. */
  exempt?: (identity: Identity) => MaybePromise<boolean | undefined>;
}

/** The identity's id, or its exemption. */
function idOf(isExempt: boolean | undefined, { id }: Identity): Partition {
  if (isExempt === true) return EXEMPT;
  // The text "false" of a claim or a database exempts nobody.
  if (isExempt) {
    throw new TypeError(
      cannot("throttle by user", "staff, superuser and what exempt returns must be true or false", isExempt),
    );
  }
  if (typeof id === "string" && id !== "") return id;
  throw new TypeError(
    cannot("throttle by user", "the identity's id must be text, at least one character", id),
  );
}

/**
 * A quota per identity that `authenticate` returned, by its id. Anonymous requests and exempt identities are
 * skipped. Limit anonymous requests with `byIp({ anonymousOnly: true })`, or with `firstOf(byUser(),
 * byIp())`, which does not count exempt identities.
 *
 * @param options See {@link ByUserOptions}.
 * @returns A key. Rules on it run after authentication.
 * @throws {TypeError} On an unknown option, or if `exempt` is not a function; per request, if an identity has
 * no id, or is exempt by anything but `true`.
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
  const key = exemptingKeyOf(
    "user",
    "after-auth",
    ({ identity }) => identity === null ? null : then(exempt(identity), idOf, identity),
  );
  return Object.assign(key, { needsIdentity: true, dimensions: ["user_id"] });
}
