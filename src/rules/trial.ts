/**
 * The trial of a rule, as one more rule.
 *
 * @module
 */

import type { Stage } from "../keys/key.ts";
import { ANYTHING, type Demands, requireOptions } from "../options.ts";
import type { Rule, Trial } from "./rule.ts";

/** The values are checked as those of a rule. */
const MEMBERS: Demands<Trial> = {
  rate: ANYTHING,
  algorithm: ANYTHING,
  key: ANYTHING,
  cost: ANYTHING,
  block: ANYTHING,
};

/**
 * The rule that a trial tries, of its rule as a person writes it, and of the stage of that rule.
 *
 * @param subject The name of the trial in messages.
 * @throws {TypeError} If the trial has a member that is its rule's alone.
 */
export function ruleOnTrial(rule: Rule, stage: Stage, subject: string): Rule {
  const { trial } = rule;
  const members = typeof trial !== "object" || "limit" in trial! ? { rate: trial } : trial!;
  requireOptions(members, MEMBERS, `use ${subject}`);
  // Undefined is as good as not there.
  const own = Object.entries(members).filter(([, value]) => value !== undefined);
  const tried = { ...rule, ...Object.fromEntries(own) } as Rule;
  // In the stage of its rule, unless its key needs an identity.
  return { ...tried, mode: "shadow", stage: tried.key?.stage === "after-auth" ? "after-auth" : stage };
}
