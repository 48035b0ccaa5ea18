/**
 * Hashes of what must not be kept as it is: API keys, and claims of tokens. Full length, by Web Crypto.
 *
 * @module
 */

import { keyedHash, randomSeed, type Seed } from "./half_sip_hash.ts";
import type { MaybePromise } from "../maybe.ts";

/** Turns a text into 64 hex digits: at once where it was hashed lately, else a promise of them. */
export type Hash = (text: string) => MaybePromise<string>;

/** A secret as a person writes it. Text stands for its UTF-8 bytes. */
export type Secret = string | Uint8Array;

/** Hashes kept of each purpose. A digest takes 2 to 40 µs and a microtask, remembering it much less. */
const MOST_KEPT = 1000;

const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The bytes of a secret; text stands for its UTF-8 bytes. */
export function secretBytes(secret: Secret): Uint8Array<ArrayBuffer> {
  return new Uint8Array(typeof secret === "string" ? new TextEncoder().encode(secret) : secret);
}

/**
 * A hash for one purpose: the same text hashed for another gives something else. Without a secret it is
 * SHA-256, with one HMAC-SHA-256, so that who reads the hashes cannot try texts against them.
 *
 * @param purpose Separates this use from all others.
 * @param secret Optional bytes to key it with.
 */
export function hashFor(purpose: string, secret: Uint8Array<ArrayBuffer> | null): Hash {
  // Remembered by a short keyed hash, so that no text outlives its request in memory.
  const kept = new Map<bigint, string>();
  const short = new BigUint64Array(1);
  const halves = new Uint32Array(short.buffer);
  let seed: Seed | null = null;
  let hmacKey: CryptoKey | null = null;

  async function digest(text: string): Promise<ArrayBuffer> {
    // As JSON the two parts cannot run into each other, and lone surrogates stay apart.
    const bytes = new TextEncoder().encode(JSON.stringify([purpose, text]));
    if (secret === null) return await crypto.subtle.digest("SHA-256", bytes);
    // The key is kept and not the promise of it: on Workers a promise belongs to the request that made it.
    hmacKey ??= await crypto.subtle.importKey("raw", secret, HMAC, false, ["sign"]);
    return await crypto.subtle.sign("HMAC", hmacKey, bytes);
  }

  async function hashAndKeep(text: string, place: bigint): Promise<string> {
    const bytes = new Uint8Array(await digest(text));
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value as bigint);
    kept.set(place, hex);
    return hex;
  }

  return (text) => {
    keyedHash(text, seed ??= randomSeed(), halves);
    const place = short[0];
    return kept.get(place) ?? hashAndKeep(text, place);
  };
}
