/**
 * The names of rules, and the kinds of their entries, as a fingerprint table knows them.
 *
 * @module
 */

import type { Algorithm, Policy } from "../../algorithms/algorithm.ts";
import { keyedHash, randomSeed, type Seed } from "../../hash/half_sip_hash.ts";
import type { SplitCheck } from "../store.ts";

/** The most names that are kept. A throttle brings one per rule, and a caller of the store itself any number. */
const MAX_NAMES = 1000;
/** The most kinds that 16 bits distinguish. */
const MAX_KINDS = 0x1_0000;

/** The name of a rule's states. */
export interface Name {
  readonly text: string;
  /** The halves of its hash. */
  readonly low: number;
  readonly high: number;
  /** The kind of its latest new entry. */
  kind: Kind | null;
  /** May entries of this name be of several kinds? Where not, the kind of an entry that is there needs no look. */
  isMixed: boolean;
}

/** The algorithm and the policy by which an entry is read. */
export interface Kind {
  readonly number: number;
  readonly algorithm: Algorithm;
  /** That of the latest check: its calendar periods are those around now. */
  policy: Policy;
  /** A look corrects nothing. */
  readonly since: null;
}

/** The names and the kinds of one table. */
export interface RuleNames {
  /** The kinds, each at its number. */
  readonly kinds: readonly Kind[];
  /** The name with this text. */
  nameOf(text: string): Name;
  /** The kind that a check makes its entry, which its name remembers. */
  kindOf(name: Name, check: SplitCheck): Kind;
}

function isSameRate(a: Policy, b: Policy): boolean {
  return a === b || (a.name === b.name && a.limit === b.limit && a.windowMs === b.windowMs);
}

/** @returns No names so far. */
export function ruleNames(): RuleNames {
  const kinds: Kind[] = [];
  const kindOfRate = new Map<string, Kind>();
  const names = new Map<string, Name>();
  /** Were names forgotten? One that is made anew may have entries. */
  let forgot = false;
  // A seed of its own, so that a partition that is called like a rule is nothing special.
  let seed: Seed | null = null;

  function newName(text: string): Name {
    const halves = new Int32Array(2);
    keyedHash(text, seed ??= randomSeed(), halves);
    if (names.size >= MAX_NAMES) {
      // Cursors may still hold them.
      for (const name of names.values()) name.isMixed = true;
      names.clear();
      forgot = true;
    }
    const made = { text, low: halves[0], high: halves[1], kind: null, isMixed: forgot };
    names.set(text, made);
    return made;
  }

  return {
    kinds,
    nameOf: (text) => names.get(text) ?? newName(text),
    kindOf(name, { algorithm, policy }) {
      const latest = name.kind;
      if (latest !== null && isSameRate(latest.policy, policy)) {
        latest.policy = policy;
        return latest;
      }
      // A rate from a function has its policy made anew for each request. Past the last number, rates share that one.
      const rate = `${name.text} ${policy.limit} ${policy.windowMs}`;
      let kind = kindOfRate.get(rate);
      if (kind === undefined) {
        kind = { number: Math.min(kinds.length, MAX_KINDS - 1), algorithm, policy, since: null };
        if (kinds.length < MAX_KINDS) {
          kinds.push(kind);
          kindOfRate.set(rate, kind);
        }
      }
      if (latest !== null) name.isMixed = true;
      kind.policy = policy;
      return name.kind = kind;
    },
  };
}
