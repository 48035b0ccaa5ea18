/**
 * Keys on the claims of verified tokens.
 *
 * @module
 */

import { hashFor, type Secret, secretBytes } from "../hash/digest.ts";
import { type Key, keyOf } from "../keys/key.ts";
import { requireOptions, SECRET, TEXT } from "../options.ts";
import { warnOnce } from "../warn_once.ts";

/** What {@link byJwt} takes. */
export interface ByJwtOptions {
  /**
   * The claim that has a quota, together with the issuer. Default "sub", whoever the token is about. "jti" is the
   * token itself: who can have new tokens has new quotas, so it is for caps beside a rule on "sub".
   */
  claim?: string;
  /** Keys the hash (HMAC-SHA-256): who reads the store cannot try subjects against what is in it. Default: plain SHA-256. */
  secret?: Secret;
}

/**
 * A quota for each subject of an issuer, or for each value of another claim, as `jwtAuth` verified them. What is
 * stored is a hash; a request without a token, or a token without the claim, is skipped. An `Authorization` header that nobody
 * made an identity of is skipped too, with one warning: `jwtAuth` answers 401 to what it cannot read.
 *
 * @param options See {@link ByJwtOptions}.
 * @returns A key of 64 hex digits; it runs after authentication.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used. No secret is shown.
 *
 * @example A quota for each subject, and a smaller one for each of its tokens
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { byJwt, jwtAuth } from "@weir/throttle/jwt";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle(
 *   ["600/min", { rate: "1000/hour", key: byJwt() }, { rate: "100/hour", key: byJwt({ claim: "jti" }) }],
 *   { authenticate: jwtAuth({ jwks: "https://id.example/jwks.json", issuer: "https://id.example" }) },
 * );
 * equal(throttle.rules[1].stage, "after-auth");
 * ```
 */
export function byJwt(options: ByJwtOptions = {}): Key {
  requireOptions(
    options,
    { claim: { ...TEXT, must: "the name of a claim" }, secret: SECRET },
    "make byJwt()",
  );
  const { claim = "sub", secret } = options;
  const hash = hashFor("jwt", secret === undefined ? null : secretBytes(secret));
  const key = keyOf(claim === "sub" ? "jwt" : `jwt-${claim}`, "after-auth", ({ identity, request }) => {
    // Asked by hand, a key may be given an identity alone.
    if (identity === null && request?.headers.get("authorization")) {
      warnOnce(
        "byJwt() skips requests whose `authorization` header nobody made an identity of: a client that sends a bad token is not " +
          "limited by it. Take jwtAuth() as `authenticate`, or answer 401 there to what is no good token.",
      );
    }
    const claims = identity?.claims ?? {};
    const value = Object.hasOwn(claims, claim) ? claims[claim] : null;
    if (value === undefined || value === null || value === "") return null;
    return hash(JSON.stringify([claims.iss ?? null, claim, value]));
  });
  return Object.assign(key, { needsIdentity: true, ...claim === "sub" ? { dimensions: ["user_id"] } : {} });
}
