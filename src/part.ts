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

/**
 * What the store is asked about one rule, and what came of it. There is one a rule and request, so it is small: what
 * follows from other members is told by getters. Its members are declared and set in the constructor alone: a member with
 * a place in the class body is set twice, and engines pay for both.
 */
export class Part implements Check {
  declare readonly rule: PreparedRule;
  /** Whose quota: what the rule's key gave. */
  declare readonly partition: string;
  declare readonly policy: Policy;
  declare readonly cost: number;
  /** The verdict. Null until the store has given it, but for what the rule decides by itself. */
  declare decision: DatedDecision;
  /** Was the cost charged? Not when the request was refused, nor when this rule, in shadow, would have. */
  declare charged: boolean;
  /** Has the charge been corrected, for good? */
  declare settled: boolean;

  constructor(
    rule: PreparedRule,
    partition: string,
    policy: Policy,
    cost: number,
    refusal: DatedDecision | null,
  ) {
    this.rule = rule;
    this.partition = partition;
    this.policy = policy;
    this.cost = cost;
    this.decision = refusal as DatedDecision;
    this.charged = false;
    this.settled = false;
  }

  get key(): string {
    return storageKey(this.rule, this.partition);
  }

  get algorithm(): Algorithm {
    return this.rule.implementation;
  }

  get since(): null {
    return null;
  }
}

/** Is the store to decide it? */
export function isOpen(part: Part): boolean {
  return part.decision === null;
}
