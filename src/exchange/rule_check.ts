/**
 * One rule's part in a request.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import type { Decision, Mode, Source, Standing } from "../decision.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { OpenCheck } from "../stores/store.ts";

/** Where a rule's state for a partition key is kept. The name of its states holds no colon, so no two pairs share a place. */
export function storageKey(rule: PreparedRule, partition: string): string {
  return `${rule.stateName}:${partition}`;
}

/**
 * What the store is asked about one rule, and what came of it. There is one a rule and request, and most requests are over
 * without anybody having looked at their decisions, so all else that follows from its members is made when asked for.
 * They are declared and set in the constructor alone: a member with a place in the class body is set twice, and engines
 * pay for both.
 */
export class RuleCheck implements OpenCheck {
  declare readonly rule: PreparedRule;
  /** Whose quota: what the rule's key gave. */
  declare readonly partition: string;
  declare readonly policy: Policy;
  /** Units: those that were asked for, until what was charged is corrected. */
  declare cost: number;
  declare allowed: boolean;
  declare remaining: number;
  declare resetAfterMs: number;
  declare retryAfterMs: number;
  declare blockedMs: number;
  declare source: Source | null;
  declare at: number;
  declare chargedAt: number;
  /** Was the cost charged? Not when the request was refused, nor when this rule, in shadow, would have. */
  declare charged: boolean;
  /** Has the charge been corrected, for good? */
  declare settled: boolean;

  constructor(rule: PreparedRule, partition: string, policy: Policy, cost: number) {
    this.rule = rule;
    this.partition = partition;
    this.policy = policy;
    this.cost = cost;
    this.allowed = false;
    this.remaining = 0;
    this.resetAfterMs = 0;
    this.retryAfterMs = 0;
    this.blockedMs = 0;
    this.source = null;
    this.at = 0;
    this.chargedAt = 0;
    this.charged = false;
    this.settled = false;
  }

  get key(): string {
    return storageKey(this.rule, this.partition);
  }

  get stateName(): string {
    return this.rule.stateName;
  }

  get algorithm(): Algorithm {
    return this.rule.implementation;
  }

  get dimensions(): PreparedRule["dimensions"] {
    return this.rule.dimensions;
  }

  get since(): null {
    return null;
  }

  get name(): string {
    return this.policy.name;
  }

  get limit(): number {
    return this.policy.limit;
  }

  get windowMs(): number {
    return this.policy.windowMs;
  }

  get mode(): Mode {
    return this.policy.mode;
  }

  /** What headers tell of it. */
  get standing(): Standing {
    return this;
  }

  /** The decision, once there is a verdict: a new object at each reading. */
  get decision(): Decision {
    return {
      rule: this.policy.name,
      limit: this.policy.limit,
      windowMs: this.policy.windowMs,
      cost: this.cost,
      mode: this.policy.mode,
      allowed: this.allowed,
      remaining: this.remaining,
      resetAfterMs: this.resetAfterMs,
      retryAfterMs: this.retryAfterMs,
      blockedMs: this.blockedMs,
      source: this.source ?? "store",
      at: this.at,
    };
  }
}

/** Is the store to decide it? */
export function isOpen(check: RuleCheck): boolean {
  return check.source === null;
}
