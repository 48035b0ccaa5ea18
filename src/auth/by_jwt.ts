/**
 * Keys on the claims of verified tokens.
 *
 * @module
 */

import { hashFor, type Secret, secretBytes } from "../hash/digest.ts";
import { type Key, keyOf } from "../keys/key.ts";
import { requireOptions, SECRET, TEXT } from "../options.ts";
import { warnOnce } from "../warn_once.ts";

/** The options of {@link byJwt}. */
export interface ByJwtOptions {
  /**
   * The claim that has a quota, together with the issuer. Default "sub", the subject of the token. "jti" is
   * the token itself: a client that can get new tokens gets new quotas, so use it only for a cap beside a
   * rule on "sub".
   */
  claim?: string;
  /**
   * The key of the hash (HMAC-SHA-256): a reader of the store cannot try subjects against its hashes.
   * Default: plain SHA-256.
   */
  secret?: Secret;
}

/**
 * A quota per subject of an issuer, or per value of another claim, as `jwtAuth` verified them. The key is a
 * hash. A request without a token, or a token without the claim, is skipped. An `Authorization` header
 * without an identity is skipped too, with one warning; `jwtAuth` answers such a header with 401.
 *
 * @param options See {@link ByJwtOptions}.
 * @returns A key of 64 hex digits. Rules on it run after authentication.
 * @throws {TypeError} On an unknown option or an invalid value. The message never shows the secret.
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
    // `usage` and `reset` may call a key with an identity alone, without a request.
    if (identity === null && request?.headers.get("authorization")) {
      warnOnce(
        "byJwt() skips requests with an `authorization` header and no identity: a client that sends a bad token is not " +
          "limited by it. Pass jwtAuth() as `authenticate`, or answer 401 there to invalid tokens.",
      );
    }
    const claims = identity?.claims ?? {};
    const value = Object.hasOwn(claims, claim) ? claims[claim] : null;
    if (value === undefined || value === null || value === "") return null;
    return hash(JSON.stringify([claims.iss ?? null, claim, value]));
  });
  return Object.assign(key, { needsIdentity: true, ...claim === "sub" ? { dimensions: ["user_id"] } : {} });
}
