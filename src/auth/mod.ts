/**
 * Quotas for the subjects of JSON Web Tokens. This entry needs the package `jose`.
 *
 * @example A thousand requests an hour for each subject, sixty a minute for each address
 * ```ts
 * import { withThrottle } from "@weir/throttle";
 * import { byJwt, jwtAuth } from "@weir/throttle/jwt";
 * import { equal } from "node:assert/strict";
 *
 * const handler = withThrottle(
 *   (_request: Request) => new Response("for you"),
 *   ["60/min", { rate: "1000/hour", key: byJwt() }],
 *   {
 *     authenticate: jwtAuth({
 *       jwks: "https://id.example/.well-known/jwks.json",
 *       issuer: "https://id.example",
 *       audience: "https://api.example",
 *       required: true,
 *     }),
 *     client: { address: () => "192.0.2.1" }, // on a server: the socket's peer, without this line
 *   },
 * );
 *
 * const answer = await handler(new Request("https://api.example/"));
 * equal(answer.status, 401);
 * ```
 *
 * @module
 */

export { jwtAuth } from "./jwt.ts";
export type { JwtAuthOptions, PublicCryptoKey, PublicJwk, PublicJwks } from "./jwt_options.ts";
export type { Authenticate } from "./authenticate.ts";
export type { Context, Identity } from "../context.ts";
export type { Secret } from "../hash/digest.ts";
export { byJwt, type ByJwtOptions } from "./by_jwt.ts";
export type { Key, Stage } from "../keys/key.ts";
export type { MaybePromise } from "../maybe.ts";
