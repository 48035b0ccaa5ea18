/**
 * The parts of a store that decides by script: the nodes of a cluster, or the one server.
 *
 * @module
 */

import { type MaybePromise, then } from "../../maybe.ts";
import type { ScriptRunner } from "./script_runner.ts";
import type { Check, StorePart } from "../store.ts";

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

/** The node of a slot, while the client has not heard of any. */
const UNKNOWN = "a node not known yet";

/** How many keys are tried until one is found that lives on a node: enough for some hundred nodes. */
const MOST_TRIES = 5000;

/**
 * Makes the function that finds the part that a check's state is on.
 *
 * @param runner Runs scripts.
 * @param prefix The text that all keys begin with.
 * @param keyOf Gives the key under which a check's state is stored.
 */
export function partsOf(
  { eval: run, slotOf, nodeOf, isConnected, connect }: ScriptRunner,
  prefix: string,
  keyOf: (key: string) => MaybePromise<string>,
): (check: Check) => MaybePromise<StorePart> {
  /** No rule's name has an @, so this is nobody's state. */
  const probeKey = (n: number): string => `${prefix}:@probe:${n}`;

  function keyOn(node: string): string {
    for (let n = 0; slotOf !== undefined && n < MOST_TRIES; n++) {
      if (nodeOf?.(slotOf(probeKey(n))) === node) return probeKey(n);
    }
    return probeKey(0);
  }

  /** @param node Its address; "" for the one server. */
  function newPart(node: string): StorePart {
    return {
      name: node,
      async probe() {
        if (connect !== undefined && isConnected?.(node) === false) await connect();
        return await run(PROBE, [node === "" ? probeKey(0) : keyOn(node)], []);
      },
      isConnected: () => isConnected?.(node) ?? true,
      ranNothing,
    };
  }

  if (slotOf === undefined || nodeOf === undefined) {
    const whole = newPart("");
    return () => whole;
  }

  const parts = new Map<string, StorePart>();
  function partOn(node: string): StorePart {
    const part = parts.get(node) ?? newPart(node);
    parts.set(node, part);
    return part;
  }
  return ({ key }) => then(keyOf(key), (stored) => partOn(nodeOf(slotOf(stored)) ?? UNKNOWN));
}
