/**
 * The decisions instead of those of a store that fails: each rule's failure policy.
 *
 * @module
 */

import { type ChargedDecision, refuses } from "../../decision.ts";
import { rescue } from "../../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import { memoryStore } from "../memory/memory_store.ts";
import { type Check, decisionOf, type Store } from "../store.ts";

/** The least Retry-After of a refusal by an outage, in ms. */
const RETRY_MS = 1000;

/** Answers without the store. */
export interface Fallback {
  /**
   * Decides by the rules' policies: "local" asks the same question of counts kept in this process, "allow" lets pass, "deny"
   * refuses.
   *
   * @param waitMs How long the store will not be asked, in ms.
   */
  decide(checks: readonly Check[], spend: boolean, waitMs: number): readonly ChargedDecision[];
  /** Repeats the store's charges here, by its clock, so that an outage hands nobody a new quota. */
  mirror(checks: readonly Check[], decisions: readonly ChargedDecision[]): void;
  /** Forgets a key. */
  forget(key: string): void;
  /** The store's time, as far as it is known. */
  readonly clock: () => number;
}

/** The verdict of a failure policy. Its numbers mean nothing. */
function verdict(check: Check, allowed: boolean, retryAfterMs: number, at: number): ChargedDecision {
  return decisionOf(check, {
    allowed,
    remaining: 0,
    resetAfterMs: 0,
    retryAfterMs: allowed ? 0 : retryAfterMs,
    source: allowed ? "allowed-by-policy" : "denied-by-policy",
  }, at);
}

/** Was this charge made elsewhere than in the store? */
export function isElsewhere({ chargedBy }: Check): boolean {
  return chargedBy === "local" || chargedBy === "allowed-by-policy";
}

/**
 * @param store The store that fails.
 * @param rules The throttle's rules.
 * @param onStoreFailure The policy of rules without one of their own.
 */
export function fallbackFor(
  store: Store,
  rules: readonly CompiledRule[],
  onStoreFailure: FailurePolicy,
): Fallback {
  const policies = new Map(rules.map((rule) => [rule.name, rule.onStoreFailure ?? onStoreFailure]));
  const policyOf = (check: Check): FailurePolicy => policies.get(check.policy.name) ?? onStoreFailure;
  const isWarm = store.shared && [...policies.values()].includes("local");

  /** How far the store's clock is ahead of this process's. */
  let aheadMs = 0;
  const clock = store.clock ?? (() => Date.now() + aheadMs);
  const local = memoryStore({ clock });

  /** The policy that decides a check. A correction follows its charge; a charge that was not made needs none. */
  function appliedPolicy(check: Check): FailurePolicy {
    if (check.chargedBy === "local") return "local";
    if (check.chargedBy === "allowed-by-policy") return "allow";
    const policy = policyOf(check);
    return policy === "deny" && check.since !== null ? "allow" : policy;
  }

  return {
    clock,
    forget: (key) => void local.forget?.(key),
    mirror(checks, decisions) {
      if (!isWarm) return;
      const [first] = decisions;
      if (first !== undefined && store.clock === undefined) aheadMs = first.at - Date.now();
      if (decisions.some(refuses)) return;
      // As corrections, for they are never refused.
      const charged: Check[] = [];
      checks.forEach((check, i) => {
        const { allowed, chargedAt } = decisions[i];
        if (check.cost === 0 || !allowed || policyOf(check) !== "local") return;
        charged.push({ ...check, since: check.since ?? chargedAt });
      });
      // An algorithm that fails on this fails on a correction in its own store too, where it is noticed.
      if (charged.length > 0) rescue<unknown>(() => local.decide(charged), () => {});
    },
    decide(checks, spend, waitMs) {
      const applied = checks.map(appliedPolicy);
      const isDenied = checks.some(({ policy }, i) => applied[i] === "deny" && policy.mode === "enforce");
      const counted = checks.filter((_, i) => applied[i] === "local");
      const counts = counted.length === 0
        ? []
        : local.decide(counted, spend && !isDenied) as ChargedDecision[];
      const answers = counts.values();
      return checks.map((check, i) => {
        if (applied[i] !== "local") {
          return verdict(check, applied[i] === "allow", Math.max(RETRY_MS, waitMs), clock());
        }
        const answer = answers.next().value as ChargedDecision;
        answer.source = "local";
        return answer;
      });
    },
  };
}
