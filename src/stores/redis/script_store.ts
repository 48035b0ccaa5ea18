/**
 * A store on anything that runs scripts as Redis does.
 *
 * @module
 */

import type { ScriptRunner } from "./script_runner.ts";
import type { ChargedDecision } from "../../decision.ts";
import { all, then } from "../../maybe.ts";
import { leasesOf } from "../leases/leases.ts";
import { cannot } from "../../cannot.ts";
import type { ScriptRule } from "./rules_lua.ts";
import { type ScriptQuestion, scriptText, wordsOf } from "./script.ts";
import { answersOf } from "./script_reply.ts";
import type { SharedStoreSettings } from "../shared_store_options.ts";
import { batched } from "../batch.ts";
import { type DecidingScript, decidingScript } from "./deciding_script.ts";
import { scriptPart } from "./script_part.ts";
import type { Check, LeasingStore } from "../store.ts";
import { storedKeys } from "../stored_key.ts";

/** The most keys of a call, unless one decision has more: a bound on how long Redis does nothing else, about a ms. */
const MAX_KEYS = 128;

/** The most checks of a decision: Lua hands a command no more words than this. */
const MAX_CHECKS = 7000;

/** @throws {TypeError} When so many rules cannot be decided together. */
function requireFew(rules: number): void {
  if (rules <= MAX_CHECKS) return;
  throw new TypeError(
    cannot("decide all rules together on Redis", `a request must have at most ${MAX_CHECKS}`, rules),
  );
}

/** The question about checks. Made before it is sent: an algorithm that has no twin fails its own decision alone. */
function questionOf(
  { placesOf, ruleOf }: DecidingScript,
  checks: readonly Check[],
  keys: readonly string[],
  spend: boolean,
): ScriptQuestion {
  const places = spend ? placesOf(checks) : null;
  const words = places === null ? wordsOf(checks, spend, ruleOf) : [String(places)];
  return { checks, keys, spend, words };
}

/** Answers several questions by one command. */
function callOf({ run }: DecidingScript) {
  return (
    questions: readonly ScriptQuestion[],
  ): Promise<readonly (readonly ChargedDecision[] | Error)[]> => {
    // Not by flatMap, which takes Node 20 a sixth of the time of all that is done here for a decision.
    const keys: string[] = [];
    const words: string[] = [];
    for (const question of questions) {
      for (const key of question.keys) keys.push(key);
      for (const word of question.words) words.push(word);
    }
    // Clients throw as well.
    try {
      return run(keys, words, (reply) => answersOf(questions, reply));
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/**
 * Makes a store that decides by script.
 *
 * @param runner Runs scripts.
 * @param settings The store's options.
 * @param scriptOf Builds the script's text; a test gives one that has its own clock.
 */
export function scriptStore(
  runner: ScriptRunner,
  settings: SharedStoreSettings,
  scriptOf: (rules: readonly ScriptRule[]) => string = scriptText,
): LeasingStore {
  const { name, prefix, timeoutMs, denyCache, hashKeys, lease } = settings;
  const keyOf = storedKeys(prefix, hashKeys);
  const script = decidingScript(runner, scriptOf);
  const { cluster } = runner;
  const ask = batched(callOf(script), ({ keys }) => keys.length, runner.mostKeys ?? MAX_KEYS);

  /** @param slot On a cluster: that of all keys. */
  function decideAtOnce(
    checks: readonly Check[],
    keys: readonly string[],
    spend: boolean,
    slot?: number,
  ): Promise<readonly ChargedDecision[]> {
    try {
      return ask(questionOf(script, checks, keys, spend), slot);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** No rule's name has an @, so this is nobody's state. */
  const probeKey = (n: number): string => `${prefix}:@probe:${n}`;
  const server = scriptPart(runner, "", () => probeKey(0));
  const partOn = cluster?.partsOf((node, keyOn) => scriptPart(runner, node, keyOn), probeKey);
  const leases = lease === null ? null : leasesOf(lease);
  const store: LeasingStore = {
    shared: true,
    name,
    deadlineMs: timeoutMs,
    denyCache,
    leases: leases?.over ?? null,
    decide(checks, spend = true) {
      if (checks.length === 0) return [];
      requireFew(checks.length);
      return then(all(checks.map(({ key }) => keyOf(key))), (keys) => {
        if (cluster === undefined) return decideAtOnce(checks, keys, spend);
        return cluster.decide(checks.map((check, i) => ({ check, key: keys[i] })), spend, decideAtOnce);
      });
    },
    storedKey: keyOf,
    partOf: partOn === undefined ? () => server : ({ key }) => then(keyOf(key), partOn),
    prepare(rules) {
      requireFew(rules.filter(({ on }) => on.length === 0).length);
      script.prepare(rules);
    },
    run: (text, keys, args) => runner.eval(text, keys.map((key) => `${prefix}:${key}`), [...args]),
    async forget(key) {
      await runner.del(await keyOf(key));
    },
    close: () => leases?.close(store),
  };
  return store;
}
