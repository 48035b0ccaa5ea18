/**
 * Clients of Postgres, and how each of them runs a statement.
 *
 * @module
 */

import { type Demand, hidden } from "../../options.ts";

/** The rows of an answer. */
type Rows = readonly Readonly<Record<string, unknown>>[];

/** The members of `pg`'s Pool and Client, of PGlite and of Neon's `neon()` that the store uses. */
export interface QueryingClient {
  /** Runs a statement with parameters. */
  // deno-lint-ignore no-explicit-any -- clients overload this function in ways of their own
  query(text: string, values?: any): PromiseLike<any>;
}

/** The members of `postgres` and of Bun's `SQL` that the store uses. */
export interface UnsafeClient {
  /** Runs a statement that is text, with parameters. */
  // deno-lint-ignore no-explicit-any -- clients declare their own types of values here
  unsafe(text: string, values?: any, options?: any): PromiseLike<any>;
}

/** A client of Postgres: `pg` (Pool or Client), `postgres`, PGlite, Neon's `neon()` or Pool, Bun's `SQL`. */
export type PostgresClient = QueryingClient | UnsafeClient;

/** Runs one statement with text as its parameters; gives the column `answer` of the first row. */
export type RunStatement = (text: string, values: readonly string[]) => Promise<string>;

function has(client: unknown, name: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[name] === "function";
}

/** The demand on the option `client`. */
export const CLIENT: Demand = {
  must: "able to run a statement, by query or unsafe (a client of pg, postgres, Bun, PGlite or Neon)",
  holds: (client) => has(client, "query") || has(client, "unsafe"),
  shows: hidden, // the address of a database in its place may have a password
  presence: "required",
};

/** How a client that is a {@link CLIENT} runs statements. None of them is prepared under a name, which poolers would lose. */
export function runnerOf(client: PostgresClient): RunStatement {
  // Neon's `unsafe` is something else, so `query` comes first.
  const send = (text: string, values: readonly string[]): PromiseLike<Rows | { readonly rows: Rows }> =>
    "query" in client
      ? client.query(text, [...values])
      : client.unsafe(text, [...values], { prepare: false });
  return async (text, values) => {
    const result = await send(text, values);
    const rows = "rows" in result ? result.rows : result;
    return String(rows[0]?.answer);
  };
}

/** The code of an error, or of its cause: of Postgres where there is one. Bun's client has that in `errno`. */
export function codeOf(error: unknown): string {
  const { code, errno, cause } = (error ?? {}) as Readonly<Record<"code" | "errno" | "cause", unknown>>;
  if (typeof errno === "string" && errno !== "") return errno;
  if (typeof code === "string") return code;
  return cause === undefined ? "" : codeOf(cause);
}
