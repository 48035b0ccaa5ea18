/**
 * The rules of a store's script, and their numbers in it.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import { placedRules, type ScriptRule, type Twin } from "./rules_lua.ts";
import { twinOf } from "./script.ts";
import type { ScriptRunner } from "./script_runner.ts";
import { type ScriptRun, sentScript } from "./sent_script.ts";
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
   * Makes the rules of a throttle known. The numbers of a rule whose rate is static are part of the script.
   *
   * @throws {TypeError} When the algorithm of one has no twin.
   */
  prepare(rules: readonly CompiledRule[]): void;
  /**
   * A check's rule. A new algorithm makes a new script.
   *
   * @throws {TypeError} When its algorithm has no twin.
   */
  ruleOf(check: Pick<Check, "algorithm" | "policy" | "since">): Numbered;
  /**
   * The places of the checks' rules in the script, a bit for each; null where the checks are no charges of one unit
   * each in their order.
   */
  placesOf(checks: readonly Check[]): number | null;
  /** Runs the script with all rules so far. */
  readonly run: ScriptRun;
}

type Rate = NonNullable<ScriptRule["rate"]>;

/** How many static rates are part of a script, so that its text is bounded. Checks of other rules bring theirs. */
const MAX_STATIC = 64;

/** Is it of this twin and this rate? */
const isRule = (
  { twin, rate }: ScriptRule,
  known: Twin | undefined,
  { limit, windowMs, mode }: Rate,
): boolean =>
  twin === known && rate !== null && rate.limit === limit && rate.windowMs === windowMs && rate.mode === mode;

const isStatic = ({ rate }: ScriptRule): boolean => rate !== null;

/** Is it a check whose rate may be static? */
const isPlain = ({ policy, since }: Pick<Check, "policy" | "since">): boolean =>
  since === null && policy.boundaries === undefined && policy.trialOf === undefined;

/** The places of checks among the rules that have one: see {@link DecidingScript.placesOf}. */
function placesIn(
  placed: readonly ScriptRule[],
  checks: readonly Check[],
  plainTwin: (check: Check) => Twin | undefined,
): number | null {
  let places = 0;
  let next = 0;
  for (const check of checks) {
    const twin = check.cost === 1 ? plainTwin(check) : undefined;
    if (twin === undefined) return null;
    while (next < placed.length && !isRule(placed[next], twin, check.policy)) next++;
    if (next === placed.length) return null;
    places += 2 ** next++;
  }
  return places;
}

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
  let placed: readonly ScriptRule[] = [];
  /** The twin of each algorithm: one for all of the same text. */
  const twins = new WeakMap<Algorithm, Twin>();
  /** Rules whose rate is of a function: the state of one tells its window, as the key does not. */
  const varying = new Set<string>();

  /** @returns Its place in the list. */
  function add(rule: ScriptRule): number {
    const index = rules.push(rule) - 1;
    placed = placedRules(rules);
    return index;
  }

  /** The twin of an algorithm, which has a rule without a static rate. */
  function knownTwin(algorithm: Algorithm, name: string): Twin {
    let twin = twins.get(algorithm);
    if (twin === undefined) {
      const own = twinOf(algorithm, name);
      const text = JSON.stringify(own);
      twin = rules.find(({ twin }) => JSON.stringify(twin) === text)?.twin;
      if (twin === undefined) add({ twin: twin = own, rate: null });
      twins.set(algorithm, twin);
    }
    return twin;
  }

  /** The twin of a check whose rate may be static. */
  const plainTwin = (check: Pick<Check, "algorithm" | "policy" | "since">): Twin | undefined =>
    isPlain(check) && !varying.has(check.policy.name) ? twins.get(check.algorithm) : undefined;

  return {
    prepare(compiled) {
      /** Two rules of one throttle have a place each, in its order. */
      let from = 0;
      for (const { name, implementation, limit, windowMs, mode, period, trialOf } of compiled) {
        const twin = knownTwin(implementation, name);
        if (limit === null) varying.add(name);
        if (limit === null || windowMs === null || period !== null || trialOf !== undefined) continue;
        const rate = { limit, windowMs, mode };
        let next = rules.findIndex((rule, i) => i >= from && isRule(rule, twin, rate));
        if (next < 0 && rules.filter(isStatic).length < MAX_STATIC) next = add({ twin, rate });
        from = Math.max(from, next + 1);
      }
    },
    ruleOf(check) {
      const twin = knownTwin(check.algorithm, check.policy.name);
      const plain = plainTwin(check);
      const known = rules.findIndex((rule) => isRule(rule, plain, check.policy));
      const number = 1 + (known < 0 ? rules.findIndex((rule) => rule.twin === twin) : known);
      return { number, isStatic: known >= 0 };
    },
    placesOf: (checks) => placesIn(placed, checks, plainTwin),
    run: sentScript(runner, rules, scriptOf),
  };
}
