/**
 * From the keys that a person gives to the key for one token.
 *
 * @module
 */

import { createLocalJWKSet, type CryptoKey, errors, importJWK, importSPKI, importX509 } from "jose";
import type { MaybePromise } from "../maybe.ts";
import type { PreparedJwtOptions, PublicJwk } from "./jwt_options.ts";
import { remoteKeys } from "./remote_keys.ts";

/** A key as jose takes it. */
export type VerificationKey = CryptoKey | Uint8Array;

/** Finds the key for a token by its header; throws where there is none. */
export type KeyFor = (header: { alg?: string; kid?: string }) => MaybePromise<VerificationKey>;

/** A kid is a name: anything longer is somebody trying. */
const LONGEST_KID = 256;

/** Does a JWK name another algorithm as the one that it is for (RFC 8725 section 3.1)? */
function isForOther(key: PublicJwk | string, alg: string): boolean {
  return typeof key === "object" && key.alg !== undefined && key.alg !== alg;
}

async function importKey(key: PublicJwk | string, alg: string): Promise<VerificationKey> {
  if (typeof key === "object") return await importJWK(key, alg);
  return key.startsWith("-----BEGIN CERTIFICATE") ? await importX509(key, alg) : await importSPKI(key, alg);
}

/** One key, made ready for each algorithm that it can do. */
async function fromOne(
  key: globalThis.CryptoKey | PublicJwk | string,
  algorithms: readonly string[],
): Promise<KeyFor> {
  if (typeof key === "object" && "algorithm" in key) {
    // jose guesses this type from the runtime's, and does not always get it right.
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
      `Cannot use the key of jwtAuth() as it must be one for algorithms: current value is unreadable, or for none of ${
        algorithms.join(", ")
      }`,
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
    if ((header.kid?.length ?? 0) > LONGEST_KID) throw new Error("The token's kid is no name.");
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
 * Finds keys as the options say.
 *
 * @returns Gives what finds a token's key. It rejects with a TypeError where the given key cannot be read, which
 * is a mistake of the server's and not of a token's.
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
