/**
 * Statements about a table that may not exist yet.
 *
 * @module
 */

import type { RunStatement } from "./postgres_client.ts";
import { isMissing, notMade, schemaStatements } from "./schema.ts";

/**
 * Makes a function that runs statements about a table, and makes the table and its function where they are missing.
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

  return async (text, values) => {
    try {
      return await run(text, values);
    } catch (error) {
      if (!isMissing(error)) throw error;
      let cause: unknown;
      making ??= make().finally(() => making = null);
      await making.catch((error) => cause = error);
      return await run(text, values).catch((error) => {
        throw isMissing(error) && cause !== undefined ? new Error(notMade(table), { cause }) : error;
      });
    }
  };
}
