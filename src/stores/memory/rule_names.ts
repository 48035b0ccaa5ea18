/**
 * The names of rules, and the kinds of their entries, as a fingerprint table knows them.
 *
 * @module
 */

import type { Algorithm, Policy } from "../../algorithms/algorithm.ts";

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
