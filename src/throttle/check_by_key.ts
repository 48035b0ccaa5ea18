/**
 * Checks of a key that a caller names, where there is no request to derive it from.
 *
 * @module
 */

import { cannot, shown } from "../cannot.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import { unlimited } from "../rules/prepare_rules.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { newCheck } from "./compile_check.ts";

/**
 * The rule of this name.
 *
 * @throws {TypeError} When there is none, in a sentence with the names of all rules.
 */
export function ruleNamed(rules: readonly PreparedRule[], name: string): PreparedRule {
  const rule = rules.find((rule) => rule.name === name);
  if (rule !== undefined) return rule;
  const names = rules.map(({ name }) => shown(name)).join(", ");
  throw new TypeError(cannot("find a rule of this name", `there are only ${names}`, name));
}

/** An error about a rule that cannot be used by a key alone. */
function needsRequest(rule: PreparedRule, why: string, key: string): TypeError {
  return new TypeError(cannot(`use rule "${rule.name}" by a key alone`, why, key));
}

/**
 * The check of a key under a rule.
 *
 * @param key The string that the rule's key function gives, taken literally.
 * @param cost Units. Default: the rule's cost.
 * @param clock Dates the decisions that the rule makes by itself, epoch ms.
 * @throws {TypeError} When the rule has no limit, its rate depends on the request, or its cost does and none is given.
 */
export function checkByKey(
  rule: PreparedRule,
  key: string,
  cost: PreparedRule["cost"] = rule.cost,
  clock: () => number,
): RuleCheck {
  if (rule.policy === null) {
    const why = rule.rate === unlimited
      ? "it has no limit"
      : "its rate depends on the request, so give `usage` or `check` one";
    throw needsRequest(rule, why, key);
  }
  if (typeof cost === "number") return newCheck(rule, key, rule.policy, cost, clock);
  throw needsRequest(rule, "its cost depends on the request, so give a cost", key);
}
