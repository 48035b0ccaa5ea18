/**
 * Keys for databases that cannot hold every text: they have no NUL, and a bounded length.
 *
 * @module
 */

import { hashFor } from "../hash/digest.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { wellFormed } from "./stored_key.ts";

/** A longer key, in code units, keeps its beginning and gets a hash of the whole. Each unit is at most three bytes in UTF-8. */
const MAX_LENGTH = 400;
const BEGINNING = 300;

/**
 * Makes a function that gives well-formed text without NUL, of at most 400 code units, for any text. Two texts have two keys.
 *
 * NUL is escaped as {@link wellFormed} escapes, by U+FFFD and its number; the mark before a hash is no escape.
 */
export function boundedKeys(): (key: string) => MaybePromise<string> {
  const hash = hashFor("stored key", null);
  return (key) => {
    const text = wellFormed(key).replaceAll("\0", "\uFFFD0");
    if (text.length <= MAX_LENGTH) return text;
    const cut = text.slice(0, BEGINNING);
    // A surrogate pair is not cut in two.
    const beginning = /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
    return then(hash(key), (hex) => `${beginning}\uFFFD#${hex}`);
  };
}
