/**
 * The rules of a store's script, and their numbers in it.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import type { ScriptRule } from "./rules_lua.ts";
import { twinOf } from "./script.ts";
import type { ScriptRunner } from "./script_runner.ts";
import { sentScript } from "./sent_script.ts";
import type { Check } from "../store.ts";

/** A check's rule among those of the script. */
interface Numbered {
  /** From 1. */
  readonly number: number;
  readonly isStatic: boolean;
}

/** The script of a store: it grows with the rules that are asked about. */
export interface DecidingScript {
  /**
   * Makes a rule known whose rate is static: its numbers are part of the script.
   *
   * @throws {TypeError} When its algorithm has no twin.
   */
  prepare(rule: CompiledRule): void;
  /**
   * A check's rule. A new algorithm makes a new script.
   *
   * @throws {TypeError} When its algorithm has no twin.
   */
  ruleOf(check: Pick<Check, "algorithm" | "policy" | "since">): Numbered;
  /** Runs the script with all rules so far. */
  run(keys: string[], args: string[]): Promise<unknown>;
}

type Rate = NonNullable<ScriptRule["rate"]>;

/** How many static rates are part of a script, so that its text is bounded. Checks of other rules bring theirs. */
const MOST_STATIC = 64;

/**
 * @param runner Runs scripts.
 * @param scriptOf Builds the script's text.
 * @returns A script without rules.
 */
export function decidingScript(
  runner: ScriptRunner,
  scriptOf: (rules: readonly ScriptRule[]) => string,
): DecidingScript {
  const rules: ScriptRule[] = [];
  /** The numbers of each algorithm's rules: first the one without a static rate. */
  const numbers = new WeakMap<Algorithm, Numbered[]>();
  /** Rules whose rate is of a function: the state of one tells its window, as the key does not. */
  const varying = new Set<string>();
  let statics = 0;

  /** The number of a rule: one of the same text, or a new one. */
  function numberOf(rule: ScriptRule): Numbered {
    const text = JSON.stringify(rule);
    const known = rules.findIndex((other) => JSON.stringify(other) === text);
    return { number: known < 0 ? rules.push(rule) : known + 1, isStatic: rule.rate !== null };
  }

  function numbersOf(algorithm: Algorithm, name: string): Numbered[] {
    let known = numbers.get(algorithm);
    if (known === undefined) {
      numbers.set(algorithm, known = [numberOf({ twin: twinOf(algorithm, name), rate: null })]);
    }
    return known;
  }

  /** The rule among those of an algorithm that has this static rate. */
  function withRate(known: readonly Numbered[], { limit, windowMs, mode }: Rate): Numbered | undefined {
    return known.find(({ number }) => {
      const { rate } = rules[number - 1];
      return rate !== null && rate.limit === limit && rate.windowMs === windowMs && rate.mode === mode;
    });
  }

  return {
    prepare({ name, implementation, limit, windowMs, mode, period, trialOf }) {
      const known = numbersOf(implementation, name);
      if (limit === null) varying.add(name);
      if (limit === null || windowMs === null || period !== null || trialOf !== undefined) return;
      const rate = { limit, windowMs, mode };
      if (statics >= MOST_STATIC || withRate(known, rate) !== undefined) return;
      statics++;
      known.push(numberOf({ twin: twinOf(implementation, name), rate }));
    },
    ruleOf({ algorithm, policy, since }) {
      const known = numbersOf(algorithm, policy.name);
      const isPlain = since === null && policy.boundaries === undefined && policy.trialOf === undefined &&
        !varying.has(policy.name);
      return isPlain && withRate(known, policy) || known[0];
    },
    run: sentScript(runner, rules, scriptOf),
  };
}
