/**
 * The client of Upstash Redis, and how it runs a script.
 *
 * @module
 */

import { shown } from "../../cannot.ts";
import { type Demand, hidden } from "../../options.ts";
import { MAX_TIMER_MS } from "../../runtime.ts";
import { batched } from "../batch.ts";
import type { ScriptRunner } from "../redis/script_runner.ts";

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

/** @upstash/redis ends its messages with the whole command: keys, which may hold addresses, and the script. */
function withoutCommand(error: unknown): never {
  const [message, command] = error instanceof Error ? error.message.split(", command was: ") : [];
  throw command === undefined ? error : Object.assign(new Error(message), { name: (error as Error).name });
}

/** The demand on the option `client`. */
export const CLIENT: Demand = {
  must: "a Redis of @upstash/redis",
  holds: (client) => ["evalsha", "eval", "del"].every((name) => typeof client?.[name] === "function"),
  shows: hidden, // it may have the token
};

/** The demand on the option `url`. */
export const URL_TEXT: Demand = {
  must: "the https:// URL of the database's REST API",
  holds: (url) => typeof url === "string" && /^https?:\/\/[^\s/@?#]+(?:\/[^\s?#]*)?$/.test(url),
  shows: hidden, // it may have a password
};

/** The demand on the option `token`. */
export const TOKEN: Demand = {
  must: "the database's REST token, without blanks",
  holds: (token) => typeof token === "string" && /^[!-~]+$/.test(token),
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

/** A command: its name and its arguments. */
type Command = readonly unknown[];

/** The most commands of one HTTP request. */
const MAX_COMMANDS = 1000;

/** The most characters of an answer that an error shows: it may be a page of a proxy. */
const MAX_SHOWN = 200;

/** The answer to a command, in the words of the REST API. */
interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}

const UNANSWERED: Answer = { error: "The database left a command without an answer" };

/** Next.js keeps answers to a POST, too. A Worker dated before 2024-11-11 throws where a request says how it is kept. */
function uncached(url: string): RequestInit {
  const init: RequestInit = { cache: "no-store" };
  try {
    new Request(url, init);
    return init;
  } catch {
    return {};
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { error: `no JSON: ${text}` };
  }
}

/**
 * A client of the REST API that gives up when it must and never sends anything twice: a call whose answer got lost may have been
 * counted. Commands of the same moment share a request.
 */
export function clientOf(url: string, token: string, timeoutMs: number): UpstashClient {
  const pipeline = `${url.replace(/\/+$/, "")}/pipeline`;
  const init: RequestInit = {
    ...uncached(pipeline),
    method: "POST",
    headers: { "authorization": `Bearer ${token}`, "content-type": "application/json" },
    // A redirection may lead elsewhere, and the token is for the database alone.
    redirect: "manual",
  };
  // Later than the deadline: whoever stopped to listen then would not hear what was charged late, and could not give it back.
  const abortMs = Math.min(timeoutMs + LATE_MS, MAX_TIMER_MS);

  const run = batched(
    async (commands: readonly Command[]): Promise<readonly unknown[]> => {
      const body = JSON.stringify(commands);
      const response = await fetch(pipeline, { ...init, body, signal: AbortSignal.timeout(abortMs) });
      const answers = parsed(await response.text());
      if (!response.ok || !Array.isArray(answers)) {
        const error = (answers as Answer | null)?.error;
        const said = typeof error === "string" ? error : shown(answers);
        throw new Error(
          `The database answered with status ${response.status}: ${said.slice(0, MAX_SHOWN)}`,
        );
      }
      return commands.map((_, i) => {
        const { result, error }: Answer = answers[i] ?? UNANSWERED;
        return error === undefined ? result : new Error(error);
      });
    },
    () => 1,
    MAX_COMMANDS,
  );

  return {
    evalsha: (sha, keys, args) => run(["EVALSHA", sha, keys.length, ...keys, ...args]),
    eval: (script, keys, args) => run(["EVAL", script, keys.length, ...keys, ...args]),
    del: (key) => run(["DEL", key]),
  };
}
