/**
 * The trial of a rule, as one more rule.
 *
 * @module
 */

import type { Stage } from "../keys/key.ts";
import type { PreparedRule, Rule } from "./rule.ts";

/** The rule that a trial tries, of its rule as a person writes it, and of the same made ready. */
export function ruleOnTrial({ trial, ...rule }: Rule, { key, stage }: PreparedRule): Rule {
  const isRate = typeof trial !== "object" || trial === null || "limit" in trial;
  const tried = { ...rule, key, ...isRate ? { rate: trial } : trial, mode: "shadow" } as Rule;
  // With its rule, unless its key needs an identity. In the alphabet "after-auth" comes first.
  return { ...tried, stage: [stage, tried.key?.stage].sort()[0] as Stage };
}

/** A function that runs once for a rule and its trial, which call it with one context right after each other. */
function once(run: (...args: unknown[]) => unknown): typeof run {
  let last: unknown;
  let result: unknown;
  return (...args) => {
    const context = args.at(-1);
    if (context !== last) result = run(...args);
    last = context;
    return result;
  };
}

/** Makes the functions that a rule and its trial have in common run once for both. */
export function shareFunctions(live: Record<string, unknown>, trial: Record<string, unknown>): void {
  for (const name in live) {
    const run = live[name];
    if (name !== "key" && typeof run === "function" && run === trial[name]) {
      live[name] = trial[name] = once(run as Parameters<typeof once>[0]);
    }
  }
}
