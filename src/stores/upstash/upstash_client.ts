/**
 * The client of Upstash Redis, and how it runs a script.
 *
 * @module
 */

import { Redis } from "@upstash/redis";
import type { ScriptRunner } from "../redis/script_runner.ts";
import { type Demand, hidden } from "../../options.ts";

/** The members of a client of `@upstash/redis` that the store uses. */
export interface UpstashClient {
  /** Runs a script that the server has. */
  evalsha(sha: string, keys: string[], args: unknown[]): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keys: string[], args: unknown[]): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
}

/** How long after its deadline an answer is still listened for, in ms. */
const LATE_MS = 10_000;

/** The client ends its messages with the whole command: keys, which may hold addresses, and the script. */
function withoutCommand(error: unknown): never {
  const [message, command] = error instanceof Error ? error.message.split(", command was: ") : [];
  throw command === undefined ? error : Object.assign(new Error(message), { name: (error as Error).name });
}

/** The demand on the option `client`. */
export const CLIENT: Demand = {
  must: "a Redis of @upstash/redis",
  holds: (client) => ["evalsha", "eval", "del"].every((name) => typeof client?.[name] === "function"),
};

/** The demand on the option `url`. */
export const URL_TEXT: Demand = {
  must: "the https:// URL of the database's REST API",
  holds: (url) => typeof url === "string" && /^https?:\/\/[^\s/]+\S*$/.test(url),
};

/** The demand on the option `token`. */
export const TOKEN: Demand = {
  must: "the database's REST token, without blanks",
  holds: (token) => typeof token === "string" && /^\S+$/.test(token),
  shows: hidden,
};

/** How a client runs scripts. */
export function runnerOf(client: UpstashClient): ScriptRunner {
  return {
    evalsha: (sha, keys, args) => client.evalsha(sha, keys, args).catch(withoutCommand),
    eval: (text, keys, args) => client.eval(text, keys, args).catch(withoutCommand),
    del: (key) => client.del(key).catch(withoutCommand),
  };
}

/** A client that gives up when it must and never sends anything twice. */
export function clientOf(url: string, token: string, timeoutMs: number): UpstashClient {
  return new Redis({
    url,
    token,
    // Not `false`: that still sends again once. A call whose answer got lost may have been counted.
    retry: { retries: 0 },
    // A function: a plain signal resolves to null instead of rejecting. Later than the deadline: whoever stopped to listen then
    // would not hear what was charged late, and could not give it back.
    signal: () => AbortSignal.timeout(timeoutMs + LATE_MS),
    enableAutoPipelining: true,
    automaticDeserialization: false,
  });
}
