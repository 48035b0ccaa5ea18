/**
 * One rule's part in a request.
 *
 * @module
 */

import type { Algorithm, Policy } from "./algorithms/algorithm.ts";
import type { DatedDecision } from "./decision.ts";
import type { PreparedRule } from "./rule.ts";
import type { Check } from "./stores/store.ts";

/** Where a rule's state for a partition key is kept. A name holds no colon, so no two pairs share a place. */
export function storageKey(rule: PreparedRule, partition: string): string {
  return `${rule.name}:${partition}`;
}

/** What the store is asked about one rule, and what came of it. */
export class Part implements Check {
  readonly key: string;
  readonly policy: Policy;
  readonly algorithm: Algorithm;
  readonly cost: number;
  readonly since: number | null = null;
  readonly rule: PreparedRule;
  /** Set when the rule refuses by itself, without the store. */
  readonly refusal: DatedDecision | null;
  /** The verdict, once there is one. */
  decision: DatedDecision;
  /** Was the cost charged? Not when the request was refused, nor when this rule, in shadow, would have. */
  charged = false;
  /** Has the charge been corrected, for good? */
  settled = false;
  readonly #partition: string;

  constructor(
    rule: PreparedRule,
    partition: string,
    policy: Policy,
    cost: number,
    refusal: DatedDecision | null,
  ) {
    this.key = storageKey(rule, partition);
    this.policy = policy;
    this.algorithm = rule.implementation;
    this.cost = cost;
    this.rule = rule;
    this.refusal = refusal;
    this.decision = refusal as DatedDecision;
    this.#partition = partition;
  }

  /** Whose quota: what the rule's key gave. A copy of this has none, for it may be given another key. */
  get partition(): string {
    return this.#partition;
  }
}
