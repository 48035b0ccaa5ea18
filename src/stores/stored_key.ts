/**
 * The key under which a check's state is kept on a shared store.
 *
 * @module
 */

import { hashFor, secretBytes } from "../hash/digest.ts";
import { type MaybePromise, then } from "../maybe.ts";

/**
 * Text that is not well formed has no UTF-8, and clients send U+FFFD for any lone surrogate: keys would meet. So a lone
 * surrogate becomes U+FFFD and its number, and so does U+FFFD itself.
 */
export function wellFormed(text: string): string {
  // Hardly any text needs care, and this search takes a third of the time of the other.
  if (!/[\uD800-\uDFFF\uFFFD]/.test(text)) return text;
  return text.replace(/[\p{Surrogate}\uFFFD]/gu, (unit) => `\uFFFD${unit.charCodeAt(0).toString(16)}`);
}

/**
 * Makes the function that gives a check's key with its partition as HMAC-SHA-256 under a secret, in hex.
 *
 * @param secret The secret.
 * @returns The function. Its answer is here at once unless a hash has to be made.
 */
export function hashedKeys(secret: string): (key: string) => MaybePromise<string> {
  const hash = hashFor("partition key", secretBytes(secret));
  return (key) => {
    // The name of the rule's states holds no colon, so the first one ends it.
    const partitionAt = key.indexOf(":") + 1;
    return then(hash(key.slice(partitionAt)), (hex) => `${key.slice(0, partitionAt)}${hex}`);
  };
}

/**
 * Makes the function that gives the stored key of a check's key: a prefix, the name of the rule's states, the partition.
 *
 * @param prefix The text that all keys begin with, before a colon.
 * @param secret Given, the partition is hashed: {@link hashedKeys}.
 * @returns The function. Its answer is here at once unless a hash has to be made.
 */
export function storedKeys(
  prefix: string,
  secret: string | null,
): (key: string) => MaybePromise<string> {
  if (secret === null) return (key) => `${prefix}:${wellFormed(key)}`;
  const hashed = hashedKeys(secret);
  return (key) => then(hashed(key), (text) => `${prefix}:${text}`);
}
