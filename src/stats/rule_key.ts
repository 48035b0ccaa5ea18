/**
 * A rule and one of its partition keys, as one name in the lists of what was refused most.
 *
 * @module
 */

import { shortHash } from "../hash/half_sip_hash.ts";
import { byCount, type Counted } from "./space_saving.ts";

/** The most characters of a key that are kept. */
const LONGEST = 128;

/**
 * A key that is no longer than what may be kept: of a long one its beginning and a hash of all of it, so that long keys are
 * told apart and fill no memory.
 */
export function shortKey(key: string): string {
  return key.length <= LONGEST ? key : `${key.slice(0, LONGEST - 17)}~${shortHash(key, [0, 0])}`;
}

/** One name for both. A rule's name has no blank. */
export function ruleKey(rule: string, key: string): string {
  return `${rule} ${key}`;
}

/** The rule and the key that a name stands for. */
export function partsOf(name: string): readonly [rule: string, key: string] {
  const blank = name.indexOf(" ");
  return [name.slice(0, blank), name.slice(blank + 1)];
}

/** Of each rule the keys that were refused most, that which was refused most first. */
export function topOfEachRule(counted: readonly Counted[], most: number): Counted[] {
  const taken = new Map<string, number>();
  return [...counted].sort(byCount).filter(({ name }) => {
    const [rule] = partsOf(name);
    const n = (taken.get(rule) ?? 0) + 1;
    taken.set(rule, n);
    return n <= most;
  });
}
