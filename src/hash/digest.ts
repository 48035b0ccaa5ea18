/**
 * Hashes of sensitive text: API keys, and claims of tokens. Full length, by Web Crypto.
 *
 * @module
 */

import { keyedHash, randomSeed, type Seed } from "./half_sip_hash.ts";
import type { MaybePromise } from "../maybe.ts";

/** Hashes a text to 64 hex digits: synchronously if the hash is cached, else as a promise. */
export type Hash = (text: string) => MaybePromise<string>;

/** A secret. Text stands for its UTF-8 bytes. */
export type Secret = string | Uint8Array;

/** Hashes cached per purpose. A digest takes 2 to 40 µs and a microtask; the cache is much faster. */
const MAX_CACHED = 1000;

const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The bytes of a secret; text stands for its UTF-8 bytes. */
export function secretBytes(secret: Secret): Uint8Array<ArrayBuffer> {
  return new Uint8Array(typeof secret === "string" ? new TextEncoder().encode(secret) : secret);
}

/** Bytes in hex. */
export function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A hash for one purpose: another purpose hashes the same text differently. Without a secret the hash is
 * SHA-256, with a secret HMAC-SHA-256, so that a reader of the hashes cannot try texts against them.
 *
 * @param purpose Separates this use from all others.
 * @param secret Optional bytes to key it with.
 */
export function hashFor(purpose: string, secret: Uint8Array<ArrayBuffer> | null): Hash {
  // The cache is keyed by a short keyed hash, so that no text outlives its request in memory.
  const cached = new Map<bigint, string>();
  const short = new BigUint64Array(1);
  const halves = new Uint32Array(short.buffer);
  let seed: Seed | null = null;
  let hmacKey: CryptoKey | null = null;

  async function digest(text: string): Promise<ArrayBuffer> {
    // JSON keeps the boundary of purpose and text, and keeps lone surrogates distinct.
    const bytes = new TextEncoder().encode(JSON.stringify([purpose, text]));
    if (secret === null) return await crypto.subtle.digest("SHA-256", bytes);
    // The imported key is cached rather than its promise: on Workers a promise belongs to one request.
    hmacKey ??= await crypto.subtle.importKey("raw", secret, HMAC, false, ["sign"]);
    return await crypto.subtle.sign("HMAC", hmacKey, bytes);
  }

  async function hashAndCache(text: string, index: bigint): Promise<string> {
    const hex = hexOf(await digest(text));
    if (cached.size >= MAX_CACHED) cached.delete(cached.keys().next().value as bigint);
    cached.set(index, hex);
    return hex;
  }

  return (text) => {
    keyedHash(text, seed ??= randomSeed(), halves);
    const index = short[0];
    return cached.get(index) ?? hashAndCache(text, index);
  };
}
