/**
 * The trial of a rule, as one more rule.
 *
 * @module
 */

import type { PreparedRule, Rule } from "./rule.ts";

type Members = Record<string, unknown>;

/**
 * Makes the trial of a rule ready. The functions that the two have in common run once for both, which call them right after each
 * other.
 *
 * @param rule The rule on trial, as a person writes it.
 * @param live The same, made ready.
 * @param prepare Makes the rule that is tried ready.
 */
export function addTrial(rule: Rule, live: PreparedRule, prepare: (rule: Rule) => PreparedRule): void {
  const { trial } = rule;
  const members = typeof trial !== "object" || "limit" in trial! ? { rate: trial } : trial;
  const tried = { ...rule, ...members, mode: "shadow" } as Rule;
  // With its rule, unless its key needs an identity. In the alphabet "after-auth" comes first.
  const [stage] = [live.stage, tried.key?.stage].sort() as [typeof live.stage];
  const made: object = prepare({ ...tried, stage });
  for (const name in live) {
    const run = (live as object as Members)[name];
    if (name === "key" || typeof run !== "function" || run !== (made as Members)[name]) continue;
    let last: unknown;
    let result: unknown;
    (live as object as Members)[name] = (made as Members)[name] = (first: unknown, second: unknown) => {
      // The context is the last argument: `count` gets the response before it.
      const context = second ?? first;
      if (context !== last) result = run(first, second);
      last = context;
      return result;
    };
  }
}
