/**
 * Authentication by JSON Web Tokens (RFC 7519, RFC 8725), on jose.
 *
 * @module
 */

import { errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from "jose";
import { joined } from "../keys/join.ts";
import { type MaybePromise, then } from "../maybe.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Identity } from "../context.ts";
import { bearerToken, cannotCheckTokens, tokenRefused, tokenRequired } from "./bearer.ts";
import { type JwtAuthOptions, prepareJwtOptions } from "./jwt_options.ts";
import { KeysUnavailableError } from "./remote_keys.ts";
import { type KeyFor, verificationKeys } from "./verification_keys.ts";

/** Three parts of base64url, signature included (RFC 7515 section 7.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** More than servers let through in a header. */
const LONGEST_TOKEN = 16_384;

/** What makes a token one that can be keyed on. */
function isUsable({ iss, sub }: JWTPayload): boolean {
  return typeof sub === "string" && sub !== "" && (iss === undefined || typeof iss === "string");
}

/** A token's claims, once all about it is verified; throws where anything is wrong. */
async function verify(token: string, keyFor: KeyFor, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keyFor, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return await verifyWithAny(token, error, options);
  }
}

/** Without a kid several keys of a set may be the right one, while an issuer changes keys. */
async function verifyWithAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw keys;
}

const EXPIRED = "The token has expired.";
const INVALID = "The token is not valid.";

function answerTo(error: unknown): Response {
  if (error instanceof KeysUnavailableError) return cannotCheckTokens(error.retryAfterMs);
  return tokenRefused(error instanceof errors.JWTExpired ? EXPIRED : INVALID);
}

/**
 * Authenticates by the token in `Authorization: Bearer`: signature, algorithm, `exp`, `nbf`, and `iss` and `aud`
 * where they are set. A token must have `exp` and `sub`. One that is not good in every respect is answered with
 * 401 and nobody's quota is touched, and so is an `Authorization` header that holds anything but one bearer token
 * (another scheme, two headers in one). A request without that header is anonymous unless `required`. While keys cannot be
 * fetched, and no older ones are known, the answer is 503 with Retry-After.
 *
 * The identity's id is issuer and subject in one text, for `byUser`; `byJwt` keys on a hash of them. Checking a
 * token is work that anybody can ask for: keep a before-auth rule, such as one by address, beside it.
 *
 * @param options See {@link JwtAuthOptions}.
 * @returns What a throttle takes as `authenticate`.
 * @throws {TypeError | RangeError} On an option that does not exist, or a value that cannot be used. No secret is shown. Per request, a TypeError where the text of
 * `key` turns out to be no key.
 *
 * @example Tokens that issuer and server share a secret for
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { byJwt, jwtAuth } from "@weir/throttle/jwt";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle(
 *   ["60/min", { rate: "1000/hour", key: byJwt() }],
 *   {
 *     authenticate: jwtAuth({ secret: "thirty-two bytes, and not from here", issuer: "https://id.example" }),
 *     client: { address: () => "192.0.2.1" },
 *   },
 * );
 * const forged = new Request("https://example.com/", { headers: { authorization: "Bearer a.b.c" } });
 * const { response } = await throttle.check(forged);
 * equal(response?.status, 401);
 * ```
 */
export function jwtAuth(options: JwtAuthOptions): Authenticate {
  const prepared = prepareJwtOptions(options);
  const { issuer, audience, algorithms, clockTolerance, required, identity, clock } = prepared;
  const keys = verificationKeys(prepared);
  const demands: JWTVerifyOptions = {
    algorithms,
    clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...issuer && { issuer },
    ...audience && { audience },
  };

  async function verified(token: string, keyFor: KeyFor): Promise<JWTPayload | Response> {
    try {
      const claims = await verify(token, keyFor, { ...demands, currentDate: new Date(clock()) });
      return isUsable(claims) ? claims : tokenRefused(INVALID);
    } catch (error) {
      return answerTo(error);
    }
  }

  function identityOf(claims: JWTPayload): MaybePromise<Identity> {
    const { iss, sub } = claims as { iss?: string; sub: string };
    const known: Identity = { id: joined(iss === undefined ? [sub] : [iss, sub]), claims };
    return identity === null ? known : then(identity(claims), (more) => ({ ...known, ...more }));
  }

  return ({ request }) => {
    const token = bearerToken(request);
    if (token === null) return required ? tokenRequired() : null;
    if (token.length > LONGEST_TOKEN || !COMPACT.test(token)) return tokenRefused(INVALID);
    return then(keys(), async (keyFor) => {
      const claims = await verified(token, keyFor);
      return claims instanceof Response ? claims : identityOf(claims);
    });
  };
}
