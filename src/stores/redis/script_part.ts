/**
 * A part of a store that decides by script: the one server, or a node of a cluster.
 *
 * @module
 */

import type { ScriptRunner } from "./script_runner.ts";
import type { StorePart } from "../store.ts";

/** The codes of error replies by which Redis reports that it ran nothing. */
const NOT_RUN =
  /\b(?:READONLY|OOM|LOADING|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|BUSY|TRYAGAIN)\b/;

/** The codes and words by which clients report that there was no server to send it to. */
const NOT_SENT =
  /\b(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ConnectionRefused|Connection refused|ClientOfflineError|ClientClosedError|enableOfflineQueue)\b/;

/** Names, codes and messages of an error and of its causes. */
function wordsOf(error: unknown): string {
  const { name, code, message, cause } = (error ?? {}) as Record<string, unknown>;
  const words = [name, code, message].filter((word) => typeof word === "string").join(" ");
  return cause === undefined ? words : `${words} ${wordsOf(cause)}`;
}

/** Does this error mean that nothing was run? */
export function ranNothing(error: unknown): boolean {
  const words = wordsOf(error);
  return NOT_RUN.test(words) || NOT_SENT.test(words);
}

/** A write, as a replica answers whatever only reads, and one that takes memory. It is gone by itself. */
const PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/**
 * Makes the part that is a server.
 *
 * @param runner Runs scripts.
 * @param node Its address; "" for the one server.
 * @param keyOn Gives the key of a probe that lives on it.
 */
export function scriptPart(
  { eval: run, isConnected, connect }: ScriptRunner,
  node: string,
  keyOn: () => string,
): StorePart {
  return {
    name: node,
    async probe() {
      if (connect !== undefined && isConnected?.(node) === false) await connect();
      return await run(PROBE, [keyOn()], []);
    },
    isConnected: () => isConnected?.(node) ?? true,
    ranNothing,
  };
}
