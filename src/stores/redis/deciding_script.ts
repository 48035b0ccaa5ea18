/**
 * The script of the algorithms in use, sent by its hash.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { hexOf } from "../../hash/digest.ts";
import type { MaybePromise } from "../../maybe.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import { type ScriptRule, twinOf } from "./script.ts";
import type { ScriptRunner } from "./script_runner.ts";
import type { Check } from "../store.ts";

interface Script {
  readonly text: string;
  sha: MaybePromise<string> | null;
}

async function sha1(text: string): Promise<string> {
  return hexOf(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text)));
}

/** The SHA-1 of a script, made at the first use: Workers refuse cryptography at import. */
function shaOf(script: Script): MaybePromise<string> {
  return script.sha ??= sha1(script.text).then((sha) => script.sha = sha);
}

/** The server has not seen the script, or has forgotten it: nothing was run, so it may be sent again. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes("NOSCRIPT");
}

/** The server's message about a script that it cannot compile; undefined for any other error. */
function compileErrorOf(error: unknown): string | undefined {
  return /Error .*compiling.*/.exec(String(error))?.[0];
}

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
  /** Twins that do not compile, as each would break the whole script: by its text, a twin that throws the server's message. */
  const broken = new Map<string, string>();
  let statics = 0;
  let script: Script | null = null;

  /** The number of a rule: one of the same text, or a new one. */
  function numberOf(rule: ScriptRule): Numbered {
    const text = JSON.stringify(rule);
    const known = rules.findIndex((other) => JSON.stringify(other) === text);
    if (known < 0) script = null;
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

  /** The text of the script with all rules so far. */
  function textOf(): string {
    return scriptOf(rules.map(({ twin, rate }) => ({
      twin: { ...twin, lua: broken.get(twin.lua) ?? twin.lua },
      rate,
    })));
  }

  /** Sends the script's text. Where it does not compile, each twin is tried by itself. */
  function evaluate(text: string, keys: string[], args: string[]): Promise<unknown> {
    return runner.eval(text, keys, args).catch(async (error) => {
      if (compileErrorOf(error) === undefined) throw error;
      await Promise.all(
        rules.map(({ twin: { form, lua } }) =>
          runner.eval(`local function twin() return ${lua}\nend`, keys, []).catch((error) => {
            const problem = compileErrorOf(error);
            if (problem === undefined) return;
            const message = JSON.stringify(`lua of algorithm "${form}": ${problem}`);
            broken.set(lua, `function() error(${message}, 0) end`);
          })
        ),
      );
      if (textOf() === text) throw error;
      script = null;
      return run(keys, args);
    });
  }

  function run(keys: string[], args: string[]): Promise<unknown> {
    const current = script ??= { text: textOf(), sha: null };
    const sha = shaOf(current);
    const evalsha = (known: string): Promise<unknown> =>
      runner.evalsha(known, keys, args).catch((error) => {
        if (isUnknownScript(error)) return evaluate(current.text, keys, args);
        throw error;
      });
    return typeof sha === "string" ? evalsha(sha) : sha.then(evalsha);
  }

  return {
    prepare({ name, implementation, limit, windowMs, mode, period, trialOf }) {
      const known = numbersOf(implementation, name);
      if (limit === null || windowMs === null || period !== null || trialOf !== undefined) return;
      const rate = { limit, windowMs, mode };
      if (statics >= MOST_STATIC || withRate(known, rate) !== undefined) return;
      statics++;
      known.push(numberOf({ twin: twinOf(implementation, name), rate }));
    },
    ruleOf({ algorithm, policy, since }) {
      const known = numbersOf(algorithm, policy.name);
      const isPlain = since === null && policy.boundaries === undefined && policy.trialOf === undefined;
      return isPlain && withRate(known, policy) || known[0];
    },
    run,
  };
}
