/**
 * One rule's part in a request.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { windowOf } from "../algorithms/periods.ts";
import type { Decision, Mode, Source } from "../decision.ts";
import type { Quota } from "../headers/format.ts";
import type { MaybePromise } from "../maybe.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { OpenCheck, SplitCheck } from "../stores/store.ts";

/** Where a rule's state for a partition key is kept. The name of its states holds no colon, so no two pairs share a key. */
export function storageKey(rule: PreparedRule, partition: string): string {
  return `${rule.stateName}:${partition}`;
}

/**
 * The store's check of one rule, and its result. There is one per rule and request, and most requests are over without
 * anybody having looked at their decisions, so values that follow from its members are made when they are read: the less memory
 * a check takes, the less it costs.
 * They are declared and set in the constructor alone: a member that the class body initializes is set twice, and engines
 * pay for both.
 */
export class RuleCheck implements OpenCheck, Quota {
  declare readonly rule: PreparedRule;
  /** The partition whose quota it uses, as the rule's key gave it. */
  declare readonly partition: string;
  declare readonly policy: Policy;
  /** Units: the cost asked for, until the charge is corrected. */
  declare cost: number;
  declare allowed: boolean;
  declare remaining: number;
  declare resetAfterMs: number;
  declare retryAfterMs: number;
  declare blockedMs: number;
  declare source: Source | null;
  declare at: number;
  declare chargedAt: number;
  /** Is nothing charged although this rule lets the request pass? Not set where there is no question of it. */
  declare free?: boolean;
  /** Has the charge been corrected, for good? Not set before. */
  declare settled?: boolean;
  /** The renewal of a slot that is under way; corrections wait for it. Not set for any other request. */
  declare renewal?: MaybePromise<unknown>;

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
  }

  get stateName(): string {
    return this.rule.stateName;
  }

  get algorithm(): Algorithm {
    return this.rule.implementation;
  }

  /** A request's check corrects nothing. */
  get since(): null {
    return null;
  }

  get key(): string {
    return storageKey(this.rule, this.partition);
  }

  get dimensions(): PreparedRule["dimensions"] {
    return this.rule.dimensions;
  }

  get limit(): number {
    return this.policy.limit;
  }

  get mode(): Mode {
    return this.policy.mode;
  }

  /** Was the cost charged? Not when the request was refused, nor when this rule, in shadow, would have. */
  get charged(): boolean {
    return this.allowed && !this.free;
  }

  get unit(): Algorithm["unit"] {
    return this.algorithm.unit;
  }

  get every(): Policy["every"] {
    return this.policy.every;
  }

  get refillsGradually(): boolean | undefined {
    return this.algorithm.refillsGradually;
  }

  get name(): string {
    return this.policy.name;
  }

  get windowMs(): number {
    return windowOf(this.policy, this.chargedAt);
  }

  /** The decision, once there is a verdict: a new object at each reading. */
  get decision(): Decision {
    const decision: Decision = {
      rule: this.policy.name,
      limit: this.policy.limit,
      windowMs: this.windowMs,
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
    const { trialOf } = this.rule;
    if (trialOf) decision.trialOf = trialOf;
    return decision;
  }
}

/** Is the store to decide it? */
export function isOpen(check: RuleCheck): boolean {
  return check.source === null;
}

/** Does the request hold something of this rule until its end? */
export function holds({ rule, charged, cost }: RuleCheck): boolean {
  return charged && cost > 0 && rule.implementation.heldWhileRunning === true;
}

/** The correction of a check's charge by so many units. */
export function correctionOf(check: RuleCheck, cost: number): SplitCheck {
  const { key, stateName, partition, policy, algorithm, chargedAt: since, source } = check;
  return { key, stateName, partition, policy, algorithm, cost, since, chargedBy: source ?? "store" };
}
