/**
 * The script of a store as it is sent: by its hash, and without twins that the server cannot compile.
 *
 * @module
 */

import { messageOf } from "../../cannot.ts";
import { hexOf } from "../../hash/digest.ts";
import type { MaybePromise } from "../../maybe.ts";
import type { ScriptRule } from "./rules_lua.ts";
import type { ScriptRunner } from "./script_runner.ts";

/**
 * Runs the script, and reads its reply.
 *
 * @returns The result of `read` for the reply, with no other promise in between, as each takes its turn.
 */
export type ScriptRun = <T>(keys: string[], args: string[], read: (reply: unknown) => T) => Promise<T>;

interface Script {
  /** How many rules it has. */
  readonly size: number;
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
  return messageOf(error).includes("NOSCRIPT");
}

/** The server's message about a script that it cannot compile; undefined for any other error. */
function compileErrorOf(error: unknown): string | undefined {
  return /Error .*compiling.*/.exec(messageOf(error))?.[0];
}

/**
 * Makes a function that runs the script of these rules.
 *
 * @param runner Runs scripts.
 * @param rules The rules: more may be added at any time.
 * @param scriptOf Builds the script's text.
 */
export function sentScript(
  runner: ScriptRunner,
  rules: readonly ScriptRule[],
  scriptOf: (rules: readonly ScriptRule[]) => string,
): ScriptRun {
  /** Twins that do not compile, as each would break the whole script: by its text, a twin that throws the server's message. */
  const broken = new Map<string, string>();
  let script: Script | null = null;

  /** The text of the script with all rules so far. */
  function textOf(): string {
    return scriptOf(rules.map(({ twin, rate }) => ({
      twin: { ...twin, lua: broken.get(twin.lua) ?? twin.lua },
      rate,
    })));
  }

  /** Sends the script's text. Where it does not compile, each twin is tried by itself. */
  function evaluate<T>(
    text: string,
    keys: string[],
    args: string[],
    read: (reply: unknown) => T,
  ): Promise<T> {
    return runner.eval(text, keys, args).then(read, async (error) => {
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
      return run(keys, args, read);
    });
  }

  function run<T>(keys: string[], args: string[], read: (reply: unknown) => T): Promise<T> {
    if (script?.size !== rules.length) script = { text: textOf(), size: rules.length, sha: null };
    const current = script;
    const sha = shaOf(current);
    const evalsha = (known: string): Promise<T> =>
      runner.evalsha(known, keys, args).then(read, (error) => {
        if (isUnknownScript(error)) return evaluate(current.text, keys, args, read);
        throw runner.plainError?.(error) ?? error;
      });
    return typeof sha === "string" ? evalsha(sha) : sha.then(evalsha);
  }

  return run;
}
