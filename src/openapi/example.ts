/**
 * What rules decide about a client that comes for the first time, and once too often: found by their own
 * algorithms, so that what a document shows is what the server sends.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import { refusedCheck } from "../throttle/compile_check.ts";
import { writeVerdict } from "../decision.ts";
import { RuleCheck } from "../exchange/rule_check.ts";
import type { FailurePolicy, PreparedRule } from "../rules/rule.ts";

/** When the examples take place: a round moment, the same in every document. */
export const EXAMPLE_AT: number = Date.UTC(2026, 0, 1);

/** A rule whose rate and cost are known beforehand. */
interface Static {
  readonly rule: PreparedRule;
  readonly policy: NonNullable<PreparedRule["policy"]>;
  readonly cost: number;
  /** How many requests pass at one moment. */
  readonly passes: number;
}

function staticsOf(rules: readonly PreparedRule[]): readonly Static[] {
  return rules.flatMap((rule) => {
    const { policy, cost, implementation } = rule;
    // What the rule refuses by itself, it refuses always: there is no first and no last request.
    if (policy === null || typeof cost !== "number" || implementation.capacity === undefined) return [];
    const passes = cost === 0 ? Infinity : Math.floor(implementation.capacity(policy.limit) / cost);
    return passes === 0 ? [] : [{ rule, policy, cost, passes }];
  });
}

/** A rule's decision on a request after `passed` others; what is peeked at costs nothing. */
function partAfter({ rule, policy, cost }: Static, passed: number, isPeek = false): RuleCheck {
  const { implementation: algorithm } = rule;
  const step = (state: unknown, units: number): Step =>
    algorithm.step(state, policy, EXAMPLE_AT, units, null);
  const state = passed === 0 ? null : step(null, passed * cost).state;
  const check = new RuleCheck(rule, "", policy, cost);
  const said = step(state, isPeek ? 0 : cost);
  writeVerdict(check, said, "store", EXAMPLE_AT, said.at ?? EXAMPLE_AT);
  return check;
}

/** The decisions on the first request of a client. Those of rules that depend on the request are left out. */
export function firstRequest(rules: readonly PreparedRule[]): readonly RuleCheck[] {
  return staticsOf(rules).map((rule) => partAfter(rule, 0));
}

/** The decisions on a client's first request too many; none when that cannot be said. */
export function refusedRequest(rules: readonly PreparedRule[]): readonly RuleCheck[] {
  const statics = staticsOf(rules);
  const passes = Math.min(...statics.map((rule) => rule.passes));
  if (!Number.isFinite(passes)) return [];
  const isExceeded = (rule: Static): boolean => rule.passes === passes;
  const before = statics.filter(({ rule }) => rule.stage === "before-auth");
  const after = statics.filter(({ rule }) => rule.stage === "after-auth");
  const decide = (stage: readonly Static[]): RuleCheck[] =>
    stage.map((rule) => partAfter(rule, passes, stage.some(isExceeded) && !isExceeded(rule)));
  if (before.some(isExceeded)) return decide(before);
  return [...decide(before), ...decide(after)].sort((a, b) => a.rule.index - b.rule.index);
}

/** The decisions on a request while the store fails, by each rule's policy. */
export function requestWithoutStore(
  rules: readonly PreparedRule[],
  policyOf: (rule: PreparedRule) => FailurePolicy,
): readonly RuleCheck[] {
  const denying = rules.filter((rule) => policyOf(rule) === "deny");
  // No rule goes by that policy: what cannot be counted is then a rate or a cost, by a rule that refuses alone.
  if (denying.length === 0) return rules.filter(dependsOnRequest).slice(0, 1).map(uncounted);
  const isEarly = denying.some(({ stage }) => stage === "before-auth");
  const counted = staticsOf(rules.filter((rule) => policyOf(rule) === "local")).map((rule) =>
    partAfter(rule, 0, isEarly || rule.rule.stage === "after-auth")
  );
  return [...denying.map(uncounted), ...counted]
    .filter(({ rule }) => !isEarly || rule.stage === "before-auth")
    .sort((a, b) => a.rule.index - b.rule.index);
}

/** May what a rule allows or charges be anything, as a function says it? */
export function dependsOnRequest({ rate, cost }: PreparedRule): boolean {
  return rate !== null || typeof cost === "function";
}

/** The refusal of what nobody can count. */
function uncounted(rule: PreparedRule): RuleCheck {
  return refusedCheck(rule, "", "denied-by-policy", EXAMPLE_AT);
}
