/**
 * Joins a rule and one of its partition keys to one name for the top lists.
 *
 * @module
 */

import { type Seed, shortHash } from "../hash/half_sip_hash.ts";
import type { Counted } from "./space_saving.ts";

/** The longest kept key, in characters. */
const MAX_KEY_LENGTH = 128;

/**
 * Shortens a long key to its beginning and a hash of the whole, so that long keys stay distinct and use
 * little memory.
 */
export function shortKey(key: string): string {
  return key.length <= MAX_KEY_LENGTH
    ? key
    : `${key.slice(0, MAX_KEY_LENGTH - 17)}~${shortHash(key, [0, 0])}`;
}

/** Joins rule and key. A rule's name has no space. */
export function ruleKey(rule: string, key: string): string {
  return `${rule} ${key}`;
}

/** Splits a joined name. */
export function partsOf(name: string): readonly [rule: string, key: string] {
  const space = name.indexOf(" ");
  return [name.slice(0, space), name.slice(space + 1)];
}

/** The published name of a rule and a client. */
export function shownTrialClient(
  name: string,
  shownClient: (client: string, seed: Seed) => string,
  seed: Seed,
): string {
  const [rule, client] = partsOf(name);
  return ruleKey(rule, shownClient(client, seed));
}

/**
 * The first names of each rule.
 *
 * @param counted Joined names in descending order.
 * @param most How many of each.
 */
export function topOfEachRule(counted: readonly Counted[], most: number): Counted[] {
  const taken = new Map<string, number>();
  return counted.filter(({ name }) => {
    const [rule] = partsOf(name);
    const n = (taken.get(rule) ?? 0) + 1;
    taken.set(rule, n);
    return n <= most;
  });
}
