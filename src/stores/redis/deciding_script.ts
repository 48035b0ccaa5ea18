/**
 * The script of the algorithms in use, sent by its hash.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { MaybePromise } from "../../maybe.ts";
import { type Twin, twinOf } from "./script.ts";
import type { ScriptRunner } from "./script_runner.ts";

interface Script {
  readonly text: string;
  sha: MaybePromise<string> | null;
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The SHA-1 of a script, made at the first use: Workers refuse cryptography at import. */
function shaOf(script: Script): MaybePromise<string> {
  return script.sha ??= sha1(script.text).then((sha) => script.sha = sha);
}

/** The server has not seen the script, or has forgotten it: nothing was run, so it may be sent again. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes("NOSCRIPT");
}

/** The script of a store: it grows with the algorithms that are asked about. */
export interface DecidingScript {
  /**
   * An algorithm's number among the twins, from 1. A new algorithm makes a new script.
   *
   * @throws {TypeError} When the algorithm of this rule has no twin.
   */
  numberOf(algorithm: Algorithm, rule: string): number;
  /** Runs the script with all twins so far. */
  run(keys: string[], args: string[]): Promise<unknown>;
}

/**
 * @param runner Runs scripts.
 * @param scriptOf Builds the script's text.
 * @returns A script without twins.
 */
export function decidingScript(
  runner: ScriptRunner,
  scriptOf: (twins: readonly Twin[]) => string,
): DecidingScript {
  const twins: Twin[] = [];
  const numbers = new WeakMap<Algorithm, number>();
  let script: Script | null = null;

  function numberOfTwin(twin: Twin): number {
    const known = twins.findIndex(({ form, width, lua }) =>
      lua === twin.lua && form === twin.form && width === twin.width
    );
    if (known >= 0) return known + 1;
    script = null;
    return twins.push(twin);
  }

  return {
    numberOf(algorithm, rule) {
      let number = numbers.get(algorithm);
      if (number === undefined) {
        number = numberOfTwin(twinOf(algorithm, rule));
        numbers.set(algorithm, number);
      }
      return number;
    },
    run(keys, args) {
      const current = script ??= { text: scriptOf(twins), sha: null };
      const sha = shaOf(current);
      const evalsha = (known: string): Promise<unknown> =>
        runner.evalsha(known, keys, args).catch((error) => {
          if (isUnknownScript(error)) return runner.eval(current.text, keys, args);
          throw error;
        });
      return typeof sha === "string" ? evalsha(sha) : sha.then(evalsha);
    },
  };
}
