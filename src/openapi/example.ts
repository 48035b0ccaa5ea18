/**
 * Example decisions, on a client's first request and on its first refused one. The rules' own algorithms
 * compute them, so that a document shows the values that the server sends.
 *
 * @module
 */

import type { Policy, Step } from "../algorithms/algorithm.ts";
import { refusedCheck } from "../throttle/compile_check.ts";
import { writeVerdict } from "../decision.ts";
import { RuleCheck } from "../exchange/rule_check.ts";
import { policyAt } from "../rules/calendar.ts";
import type { FailurePolicy, PreparedRule } from "../rules/rule.ts";

/** The time of the examples: the same in every document. */
export const EXAMPLE_AT: number = Date.UTC(2026, 0, 1);

/** A rule whose rate and cost do not depend on the request. */
interface Static {
  readonly rule: PreparedRule;
  readonly policy: Policy;
  readonly cost: number;
  /** The number of requests that pass at one time. */
  readonly passes: number;
}

function staticsOf(rules: readonly PreparedRule[]): readonly Static[] {
  return rules.flatMap((rule) => {
    const { policy: written, cost, implementation } = rule;
    // A rule that allows no request has no first request to show.
    if (written === null || typeof cost !== "number" || implementation.capacity === undefined) return [];
    const policy = policyAt(written, EXAMPLE_AT);
    const passes = cost === 0 ? Infinity : Math.floor(implementation.capacity(policy.limit) / cost);
    return passes === 0 ? [] : [{ rule, policy, cost, passes }];
  });
}

/** A rule's decision on a request after `passed` others; a peek costs nothing. */
function checkAfter({ rule, policy, cost }: Static, passed: number, isPeek = false): RuleCheck {
  const { implementation: algorithm } = rule;
  const step = (state: unknown, units: number): Step =>
    algorithm.step(state, policy, EXAMPLE_AT, units, null);
  const state = passed === 0 ? null : step(null, passed * cost).state;
  const check = new RuleCheck(rule, "", policy, cost);
  const answer = step(state, isPeek ? 0 : cost);
  writeVerdict(check, answer, "store", EXAMPLE_AT, answer.at ?? EXAMPLE_AT);
  return check;
}

/** The decisions on a client's first request, without the rules that depend on the request. */
export function firstRequest(rules: readonly PreparedRule[]): readonly RuleCheck[] {
  return staticsOf(rules).map((rule) => checkAfter(rule, 0));
}

/** The decisions on a client's first refused request; none if they depend on the request. */
export function refusedRequest(rules: readonly PreparedRule[]): readonly RuleCheck[] {
  const statics = staticsOf(rules);
  const passes = Math.min(...statics.map((rule) => rule.passes));
  if (!Number.isFinite(passes)) return [];
  const isExceeded = (rule: Static): boolean => rule.passes === passes;
  const before = statics.filter(({ rule }) => rule.stage === "before-auth");
  const after = statics.filter(({ rule }) => rule.stage === "after-auth");
  const decide = (stage: readonly Static[]): RuleCheck[] =>
    stage.map((rule) => checkAfter(rule, passes, stage.some(isExceeded) && !isExceeded(rule)));
  if (before.some(isExceeded)) return decide(before);
  return [...decide(before), ...decide(after)].sort((a, b) => a.rule.index - b.rule.index);
}

/** The decisions on a request while the store fails, by each rule's failure policy. */
export function requestWithoutStore(
  rules: readonly PreparedRule[],
  policyOf: (rule: PreparedRule) => FailurePolicy,
): readonly RuleCheck[] {
  const denying = rules.filter((rule) => policyOf(rule) === "deny");
  // Without a rule of that policy, only a rule whose rate or cost function fails answers 503, by itself.
  if (denying.length === 0) return rules.filter(dependsOnRequest).slice(0, 1).map(uncounted);
  const isEarly = denying.some(({ stage }) => stage === "before-auth");
  const counted = staticsOf(rules.filter((rule) => policyOf(rule) === "local")).map((rule) =>
    checkAfter(rule, 0, isEarly || rule.rule.stage === "after-auth")
  );
  return [...denying.map(uncounted), ...counted]
    .filter(({ rule }) => !isEarly || rule.stage === "before-auth")
    .sort((a, b) => a.rule.index - b.rule.index);
}

/** Is the rate or the cost a function of the request? */
export function dependsOnRequest({ rate, cost }: PreparedRule): boolean {
  return rate !== null || typeof cost === "function";
}

/** The refusal by a rule that cannot count the request. */
function uncounted(rule: PreparedRule): RuleCheck {
  return refusedCheck(rule, "", "denied-by-policy", EXAMPLE_AT);
}
