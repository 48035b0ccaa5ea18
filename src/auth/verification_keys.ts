/**
 * Finds the verification key of a token.
 *
 * @module
 */

import { createLocalJWKSet, type CryptoKey, errors, importJWK, importSPKI, importX509 } from "jose";
import type { MaybePromise } from "../maybe.ts";
import type { PreparedJwtOptions, PublicCryptoKey, PublicJwk } from "./jwt_options.ts";
import { remoteKeys } from "./remote_keys.ts";

/** A key as jose takes it. */
export type VerificationKey = CryptoKey | Uint8Array;

/** Finds the key for a token by its header; throws if there is none. */
export type KeyFor = (header: { alg?: string; kid?: string }) => MaybePromise<VerificationKey>;

/** A longer kid is an attack, not a name. */
const MAX_KID_LENGTH = 256;

/** Does a JWK name another algorithm (RFC 8725 section 3.1)? */
function isForOther(key: PublicJwk | string, alg: string): boolean {
  return typeof key === "object" && key.alg !== undefined && key.alg !== alg;
}

async function importKey(key: PublicJwk | string, alg: string): Promise<VerificationKey> {
  if (typeof key === "object") return await importJWK(key, alg);
  return key.startsWith("-----BEGIN CERTIFICATE") ? await importX509(key, alg) : await importSPKI(key, alg);
}

/** One key, imported for each algorithm that it supports. */
async function fromOne(
  key: PublicCryptoKey | PublicJwk | string,
  algorithms: readonly string[],
): Promise<KeyFor> {
  if (typeof key === "object" && "algorithm" in key) {
    // jose derives this type from the runtime's types, and that fails on some runtimes.
    const ready = key as unknown as VerificationKey;
    return () => ready;
  }
  const usable = new Map<string | undefined, VerificationKey>();
  for (const alg of algorithms) {
    if (isForOther(key, alg)) continue;
    await importKey(key, alg).then((imported) => usable.set(alg, imported), () => {});
  }
  if (usable.size === 0) {
    throw new TypeError(
      `Cannot use the key of jwtAuth() as it must fit one of the algorithms ${
        algorithms.join(", ")
      }: current value is unreadable, or for another algorithm`,
    );
  }
  return ({ alg }) => {
    const found = usable.get(alg);
    if (found === undefined) throw new Error(`The key is not for ${alg}.`);
    return found;
  };
}

function fromUrl(url: URL, options: PreparedJwtOptions): KeyFor {
  const remote = remoteKeys(url, options);
  return async (header) => {
    if ((header.kid?.length ?? 0) > MAX_KID_LENGTH) {
      throw new Error(`The token's kid has more than ${MAX_KID_LENGTH} characters.`);
    }
    const current = await remote.current();
    try {
      return await current(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const newer = await remote.newer();
      if (newer === null) throw error;
      return await newer(header);
    }
  };
}

/**
 * Compiles the options into a key lookup.
 *
 * @returns A function that returns the lookup. It rejects with a TypeError if the configured key cannot be
 * read, since that is the server's mistake and not the token's.
 */
export function verificationKeys(options: PreparedJwtOptions): () => MaybePromise<KeyFor> {
  const { source, algorithms } = options;
  if ("key" in source) {
    let ready: KeyFor | null = null;
    return () => ready ?? fromOne(source.key, algorithms).then((keyFor) => ready = keyFor);
  }
  const keyFor: KeyFor = "secret" in source
    ? () => source.secret
    : "set" in source
    ? createLocalJWKSet(source.set)
    : fromUrl(source.url, options);
  return () => keyFor;
}
