/**
 * A store on anything that runs scripts as Redis does.
 *
 * @module
 */

import type { ScriptRunner } from "./script_runner.ts";
import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { DatedDecision } from "../../decision.ts";
import { all, type MaybePromise, then } from "../../maybe.ts";
import { leasesOf } from "../leases/leases.ts";
import { cannot } from "../../cannot.ts";
import { answersOf, type ScriptQuestion, scriptText, type Twin, twinOf, wordsOf } from "./script.ts";
import type { SharedStoreSettings } from "./shared_store_options.ts";
import { batched } from "./batch.ts";
import { decideInGroups, groupsOf, type Item } from "../wrappers/decide_in_groups.ts";
import { sharedGuard } from "../wrappers/shared_guard.ts";
import { partsOf } from "./script_parts.ts";
import type { LeasingStore } from "../store.ts";
import { storedKeys } from "./stored_key.ts";

/** A check and the key that its state is stored under. */
interface Charge extends Item {
  /** Where its state is. */
  readonly key: string;
}

/** The most keys of a call, unless one decision has more: a bound on how long Redis does nothing else, about a ms. */
const MOST_KEYS = 128;

/** The most checks of a decision: Lua hands a command no more words than this. */
const MOST_CHECKS = 7000;

/** @throws {TypeError} When so many rules cannot be decided together. */
function requireFew(rules: number): void {
  if (rules <= MOST_CHECKS) return;
  throw new TypeError(
    cannot("decide all rules together on Redis", `a request must have at most ${MOST_CHECKS}`, rules),
  );
}

interface Script {
  readonly text: string;
  sha: MaybePromise<string> | null;
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Its SHA-1, made when first asked for: Workers refuse cryptography at import. */
function shaOf(script: Script): MaybePromise<string> {
  return script.sha ??= sha1(script.text).then((sha) => script.sha = sha);
}

/** The server has not seen the script, or has forgotten it: nothing was run, so it may be sent again. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes("NOSCRIPT");
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
  scriptOf: (twins: readonly Twin[]) => string = scriptText,
): LeasingStore {
  const { name, prefix, timeoutMs, denyCache, hashKeys, lease } = settings;
  const keyOf = storedKeys(prefix, hashKeys);
  const twins: Twin[] = [];
  const places = new WeakMap<Algorithm, number>();
  let script: Script | null = null;

  /** An algorithm's place among the twins, from 1. One that is new makes a new script. */
  function placeOf(algorithm: Algorithm, rule: string): number {
    let place = places.get(algorithm);
    if (place === undefined) {
      place = placeOfTwin(twinOf(algorithm, rule));
      places.set(algorithm, place);
    }
    return place;
  }

  function placeOfTwin(twin: Twin): number {
    const known = twins.findIndex(({ form, width, lua }) =>
      lua === twin.lua && form === twin.form && width === twin.width
    );
    if (known >= 0) return known + 1;
    script = null;
    return twins.push(twin);
  }

  function run(current: Script, keys: string[], args: string[]): Promise<unknown> {
    const sha = shaOf(current);
    const evalsha = (known: string): Promise<unknown> =>
      runner.evalsha(known, keys, args).catch((error) => {
        if (isUnknownScript(error)) return runner.eval(current.text, keys, args);
        throw error;
      });
    return typeof sha === "string" ? evalsha(sha) : sha.then(evalsha);
  }

  /** One command. */
  async function call(questions: readonly ScriptQuestion[]): Promise<readonly (DatedDecision[] | Error)[]> {
    script ??= { text: scriptOf(twins), sha: null };
    const keys = questions.flatMap((question) => question.keys);
    const words = JSON.stringify(questions.map((question) => question.words));
    return answersOf(questions, await run(script, keys, [words]));
  }

  const ask = batched(call, ({ keys }) => keys.length, MOST_KEYS);

  /** @param slot On a cluster: that of all keys. */
  async function decideAtOnce(
    charges: readonly Charge[],
    spend: boolean,
    slot?: number,
  ): Promise<readonly DatedDecision[]> {
    const checks = charges.map(({ check }) => check);
    const keys = charges.map(({ key }) => key);
    // Now, not when it is sent: an algorithm that has no twin fails its own decision alone.
    const words = wordsOf(checks, spend, ({ algorithm, policy }) => placeOf(algorithm, policy.name));
    return await ask({ checks, keys, words }, slot);
  }

  /** Those of one slot are decided in one call; slots are asked at once. */
  function decideInSlots(charges: readonly Charge[], spend: boolean): Promise<readonly DatedDecision[]> {
    const groups = groupsOf(charges, ({ key }) => runner.slotOf?.(key));
    if (groups.length === 1) return decideAtOnce(charges, spend, groups[0].place);
    return decideInGroups(groups, spend, (slot, own, spend) => decideAtOnce(own, spend, slot));
  }

  const leases = lease === null ? null : leasesOf(lease);
  const store: LeasingStore = {
    shared: true,
    name,
    deadlineMs: timeoutMs,
    denyCache,
    guard: sharedGuard,
    leases: leases?.over ?? null,
    decide(checks, spend = true) {
      if (checks.length === 0) return [];
      requireFew(checks.length);
      return then(all(checks.map((check) => keyOf(check.key))), (keys) => {
        const charges = checks.map((check, i) => ({ check, key: keys[i] }));
        return runner.slotOf === undefined ? decideAtOnce(charges, spend) : decideInSlots(charges, spend);
      });
    },
    partOf: partsOf(runner, prefix, keyOf),
    prepare(rules) {
      requireFew(rules.filter(({ on }) => on.length === 0).length);
      for (const { name, implementation } of rules) placeOf(implementation, name);
    },
    run: (text, keys, args) => runner.eval(text, keys.map((key) => `${prefix}:${key}`), [...args]),
    async forget(key) {
      await runner.del(await keyOf(key));
    },
    close: () => leases?.close(store),
  };
  return store;
}
