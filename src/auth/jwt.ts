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
import { bearerToken, cannotCheckTokens, invalidToken, tokenRequired } from "./bearer.ts";
import { type JwtAuthOptions, prepareJwtOptions } from "./jwt_options.ts";
import { KeysUnavailableError } from "./remote_keys.ts";
import { type KeyFor, verificationKeys } from "./verification_keys.ts";

/** Three segments of base64url, signature included (RFC 7515 section 7.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Longer than the headers that servers accept. */
const MAX_TOKEN_LENGTH = 16_384;

/** Can the token's claims be a key? */
function isUsable({ iss, sub }: JWTPayload): boolean {
  return typeof sub === "string" && sub !== "" && (iss === undefined || typeof iss === "string");
}

/** Verifies a token and returns its claims; throws if any check fails. */
async function verify(token: string, keyFor: KeyFor, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keyFor, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return await verifyWithAny(token, error, options);
  }
}

/** Without a kid, several keys of a set may match, while an issuer rotates its keys. */
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
  return invalidToken(error instanceof errors.JWTExpired ? EXPIRED : INVALID);
}

/**
 * Authenticates by the token in `Authorization: Bearer`: signature, algorithm, `exp`, `nbf`, and `iss` and
 * `aud` if these options are set. A token must have `exp` and `sub`. The answer to an invalid token is 401,
 * and no after-auth quota is charged. An `Authorization` header that contains anything but one bearer token
 * (another scheme, two headers in one) gets the same answer. A request without that header is anonymous
 * unless `required`. While the keys cannot be fetched, and no older ones are cached, the answer is 503 with
 * Retry-After.
 *
 * The identity's id joins issuer and subject in one text, for `byUser`; `byJwt` keys on a hash of them.
 * Anybody can make the server verify tokens: keep a before-auth rule, such as one by address, beside it.
 *
 * @param options See {@link JwtAuthOptions}.
 * @returns The `authenticate` option of a throttle.
 * @throws {TypeError | RangeError} On an unknown option or an invalid value; the message never shows the
 * secret. Per request, a TypeError if the text of `key` is not a key.
 *
 * @example Tokens signed with a shared secret
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
    const currentDate = new Date(clock());
    try {
      const claims = await verify(token, keyFor, { ...demands, currentDate });
      return isUsable(claims) ? claims : invalidToken(INVALID);
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
    if (token.length > MAX_TOKEN_LENGTH || !COMPACT.test(token)) return invalidToken(INVALID);
    return then(keys(), async (keyFor) => {
      const claims = await verified(token, keyFor);
      return claims instanceof Response ? claims : identityOf(claims);
    });
  };
}
