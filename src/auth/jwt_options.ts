/**
 * The options of jwtAuth: validation and defaults.
 *
 * @module
 */

import { type Secret, secretBytes } from "../hash/digest.ts";
import type { MaybePromise } from "../maybe.ts";
import { cannot, shown } from "../cannot.ts";
import {
  ANYTHING,
  BOOLEAN,
  type Demand,
  type Demands,
  FUNCTION,
  integer,
  number,
  requireOptions,
  SECRET,
} from "../options.ts";
import { warnOnce } from "../warn_once.ts";
import { wholeClock } from "../whole_clock.ts";
import type { Identity } from "../context.ts";

/** A public JSON Web Key (RFC 7517 section 4). */
export interface PublicJwk {
  /** The key's type: "RSA", "EC" or "OKP". */
  kty?: string;
  /** The key's id within its set. */
  kid?: string;
  /** The only algorithm of the key. */
  alg?: string;
  /** The use of the key: "sig". */
  use?: string;
  /** The operations of the key: "verify". */
  key_ops?: string[];
  /** May it be exported? */
  ext?: boolean;
  /** RSA: the modulus. */
  n?: string;
  /** RSA: the exponent. */
  e?: string;
  /** EC, OKP: the curve. */
  crv?: string;
  /** EC, OKP: the point. */
  x?: string;
  /** EC: the point. */
  y?: string;
}

/** A public key of the Web Crypto API: a `CryptoKey`, a name that Node's types have in no global. */
export interface PublicCryptoKey {
  /** "public". */
  readonly type: string;
  /** May it be exported? */
  readonly extractable: boolean;
  /** The algorithm that it is for. */
  readonly algorithm: { readonly name: string };
  /** The operations that it is for: "verify". */
  readonly usages: readonly string[];
}

/** A set of public keys (RFC 7517 section 5). */
export interface PublicJwks {
  /** The keys. */
  keys: PublicJwk[];
}

/** The options of {@link jwtAuth}: one of `jwks`, `key` and `secret`, and the requirements on a token. */
export interface JwtAuthOptions {
  /** The issuer's key set: its URL (https: or http:), or the set itself. */
  jwks?: string | URL | PublicJwks;
  /** The issuer's public key: a CryptoKey, a JWK, or PEM text (SPKI or an X.509 certificate). */
  key?: PublicCryptoKey | PublicJwk | string;
  /**
   * The secret that issuer and server share: text (its UTF-8 bytes) or bytes, at least 32 of them (RFC 7518
   * section 3.2).
   */
  secret?: Secret;
  /** The accepted issuers, `iss`. Default: any token signed with the key. */
  issuer?: string | readonly string[];
  /** The accepted audiences, `aud`. Default: any; set it if the issuer serves other audiences too. */
  audience?: string | readonly string[];
  /** The accepted signature algorithms. Default HS256 with a `secret`, else RS256, ES256 and EdDSA. */
  algorithms?: readonly string[];
  /** The tolerance for a difference between the clocks of issuer and server, in s, 0 to 300. Default 5. */
  clockTolerance?: number;
  /** Answer requests without a token with 401, rather than let them pass as anonymous. Default false. */
  required?: boolean;
  /** Derives members of the identity from the claims: a tier, staff. They are added to `id` and `claims`. */
  identity?: (claims: Record<string, unknown>) => MaybePromise<Partial<Identity>>;
  /** The deadline for the response of the `jwks` URL, in ms. Default 5000. */
  timeoutMs?: number;
  /** The longest response of the `jwks` URL, in bytes. A longer one counts as a failed fetch. Default 1000000. */
  maxBytes?: number;
  /** Returns the time in epoch ms. Default `Date.now`. */
  clock?: () => number;
}

/** The source of the keys. */
export type KeySource =
  | { readonly url: URL }
  | { readonly set: PublicJwks }
  | { readonly key: PublicCryptoKey | PublicJwk | string }
  | { readonly secret: Uint8Array<ArrayBuffer> };

/** Options with every default filled in. */
export interface PreparedJwtOptions {
  readonly source: KeySource;
  readonly issuer: string[] | null;
  readonly audience: string[] | null;
  readonly algorithms: string[];
  readonly clockTolerance: number;
  readonly required: boolean;
  readonly identity: NonNullable<JwtAuthOptions["identity"]> | null;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly clock: () => number;
}

/**
 * Symmetric and asymmetric algorithms never mix: otherwise a public key could serve as a secret (RFC 8725
 * section 2.1).
 */
const WITH_SECRET = ["HS256", "HS384", "HS512"];
const WITH_KEYS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

const PEM = /^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----/;

function refuse(demand: string, seen: string): never {
  throw new TypeError(cannot("make jwtAuth()", demand, null, seen));
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Does the key have a member of private and symmetric keys? Such a key is an error, and no message shows it. */
function hasPrivatePart(jwk: object): boolean {
  return "d" in jwk || "k" in jwk;
}

function urlOf(jwks: string | URL): URL {
  const url = URL.canParse(String(jwks)) ? new URL(String(jwks)) : refuse("jwks must be a URL", shown(jwks));
  if (url.protocol === "https:" || url.protocol === "http:") return url;
  return refuse("jwks must be a URL of https: or http:", shown(url.href));
}

/** The validation of each key source. */
const SOURCES: Readonly<Record<"jwks" | "key" | "secret", (value: unknown) => KeySource>> = {
  jwks(value) {
    if (typeof value === "string" || value instanceof URL) return { url: urlOf(value) };
    const keys = isObject(value) ? (value as PublicJwks).keys : null;
    if (!Array.isArray(keys) || !keys.every(isObject)) {
      refuse("jwks must be a URL, or a key set, an object with a list of keys", typeof value);
    }
    if (keys.some(hasPrivatePart)) refuse("jwks must hold public keys", "a set with a private key");
    return { set: value as PublicJwks };
  },
  key(value) {
    if (typeof value === "string") {
      if (PEM.test(value)) return { key: value.trim() };
      refuse("key must be PEM text that begins with PUBLIC KEY or CERTIFICATE", "other text");
    }
    if (!isObject(value)) refuse("key must be a CryptoKey, a JWK or PEM text", typeof value);
    const { type } = value as PublicCryptoKey;
    if (type !== undefined && type !== "public") refuse("key must be a public CryptoKey", shown(type));
    if (hasPrivatePart(value)) refuse("key must be a public JWK", "one with a private part");
    return { key: value as PublicCryptoKey | PublicJwk };
  },
  secret(value) {
    const secret = secretBytes(value as Secret);
    if (secret.length < 32) {
      warnOnce(
        `The secret of jwtAuth() has ${secret.length} bytes: a holder of one token can try secrets against it. Use at least 32 (RFC 7518 section 3.2).`,
      );
    }
    return { secret };
  },
};

function sourceOf(options: JwtAuthOptions): KeySource {
  const given = (["jwks", "key", "secret"] as const).filter((name) => name in options);
  if (given.length !== 1) {
    refuse("it takes one of jwks, key and secret", given.length === 0 ? "none" : given.join(" and "));
  }
  return SOURCES[given[0]](options[given[0]]);
}

function algorithmsOf(options: JwtAuthOptions, source: KeySource): string[] {
  const allowed = "secret" in source ? WITH_SECRET : WITH_KEYS;
  const { algorithms = "secret" in source ? ["HS256"] : ["RS256", "ES256", "EdDSA"] } = options;
  if (
    Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((name) => allowed.includes(name))
  ) {
    return [...algorithms];
  }
  const kind = "secret" in source ? "a secret" : "public keys";
  return refuse(
    `algorithms must be a list of at least one of ${allowed.join(", ")} with ${kind}`,
    shown(algorithms),
  );
}

/**
 * The accepted values of a claim. An option that is set to undefined is a missing environment variable, so it
 * is an error.
 */
const TEXTS: Demand = {
  must: "text, or a list of at least one",
  holds: (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
  presence: "named",
};

const listed = (value: string | readonly string[] | undefined): string[] | null =>
  value === undefined ? null : typeof value === "string" ? [value] : [...value];

const DEMANDS: Demands<JwtAuthOptions> = {
  jwks: ANYTHING,
  key: ANYTHING,
  secret: SECRET,
  issuer: TEXTS,
  audience: TEXTS,
  algorithms: ANYTHING,
  clockTolerance: /* @__PURE__ */ number(0, 300),
  required: BOOLEAN,
  identity: FUNCTION,
  timeoutMs: /* @__PURE__ */ integer(1),
  maxBytes: /* @__PURE__ */ integer(1),
  clock: FUNCTION,
};

/**
 * Validates options and fills in defaults.
 *
 * @throws {TypeError | RangeError} On an unknown option, or an invalid value.
 */
export function prepareJwtOptions(options: JwtAuthOptions): PreparedJwtOptions {
  requireOptions(options, DEMANDS, "make jwtAuth()");
  const { clockTolerance = 5, required = false, identity = null } = options;
  const { timeoutMs = 5000, maxBytes = 1_000_000 } = options;
  const source = sourceOf(options);
  return {
    source,
    issuer: listed(options.issuer),
    audience: listed(options.audience),
    algorithms: algorithmsOf(options, source),
    clockTolerance,
    required,
    identity,
    timeoutMs,
    maxBytes,
    clock: wholeClock(options.clock ?? Date.now, "jwtAuth()"),
  };
}
