/**
 * The trial of a rule, as one more rule.
 *
 * @module
 */

import type { Stage } from "../keys/key.ts";
import type { Rule } from "./rule.ts";

/** The rule that a trial tries, of its rule as a person writes it, and of the stage of that rule. */
export function ruleOnTrial(rule: Rule, stage: Stage): Rule {
  const { trial } = rule;
  const members = typeof trial !== "object" || "limit" in trial! ? { rate: trial } : trial;
  const tried = { ...rule, ...members } as Rule;
  // In the stage of its rule, unless its key needs an identity.
  return { ...tried, mode: "shadow", stage: tried.key?.stage === "after-auth" ? "after-auth" : stage };
}
