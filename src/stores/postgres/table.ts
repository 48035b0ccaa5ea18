/**
 * Statements about a table that may not exist yet.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import { codeOf, type RunStatement } from "./postgres_client.ts";
import { schemaStatements } from "./schema.ts";

/** The codes of errors where a schema, a table or a function is missing. */
const MISSING = new Set(["42P01", "42883", "3F000"]);

function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error));
}

/** The sentence for a user who may not make the table. */
function notMade(table: string): string {
  return cannot("make the table of postgresStore()", "its user may not: run schemaSql() by hand", table);
}

/**
 * Makes a function that runs statements about a table, and makes the table and its functions where they are missing.
 *
 * @param run Runs a statement.
 * @param table The table's name.
 */
export function withTable(run: RunStatement, table: string): RunStatement {
  let making: Promise<void> | null = null;

  async function make(): Promise<void> {
    // One of several processes that do so at once succeeds. The others fail, and find it done when they try once more.
    for (const statement of schemaStatements(table)) {
      await run(statement, []).catch(() => run(statement, []));
    }
  }

  return (text, values) =>
    run(text, values).catch(async (error) => {
      if (!isMissing(error)) throw error;
      let cause: unknown;
      making ??= make().finally(() => making = null);
      await making.catch((error) => cause = error);
      return await run(text, values).catch((error) => {
        throw isMissing(error) && cause !== undefined ? new Error(notMade(table), { cause }) : error;
      });
    });
}
