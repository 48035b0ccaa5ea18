/**
 * Deletes rows whose time is over, a few at a time.
 *
 * @module
 */

import type { RunStatement } from "./postgres_client.ts";

/** A sweep goes on after so many new rows, and looks at more rows than that: it is faster than the table can grow. */
const NEW_ROWS = 250;
const LOOKED_AT = 1000;
/** The time in ms after which it goes on while fewer rows come. */
const PAUSE_MS = 30_000;
/** How much longer than its state a row stays, in ms: each instance estimates the time of the server. */
const SLACK_MS = 5000;

/** Deletes rows beside the requests. */
export interface Sweeper {
  /** Counts rows that are new. */
  wrote(rows: number, now: number): void;
}

/**
 * Goes through a table by key and deletes rows that mean nothing any more; at its end it begins anew. A table without an index
 * on times is cheaper to write, and rows that are locked are left for later, so a sweep never waits.
 */
export function sweeperOf(run: RunStatement, table: string, steady: () => number): Sweeper {
  const text = `WITH seen AS MATERIALIZED (
  SELECT key, until FROM ${table} WHERE key > $1 ORDER BY key LIMIT ${LOOKED_AT}
), past AS MATERIALIZED (
  SELECT key FROM ${table} WHERE key = ANY (ARRAY(SELECT key FROM seen WHERE until < $2::text::bigint))
    AND until < $2::text::bigint FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM ${table} AS w USING past WHERE w.key = past.key AND w.until < $2::text::bigint
)
SELECT coalesce(CASE WHEN count(*) = ${LOOKED_AT} THEN max(key) END, '') AS answer FROM seen`;
  let after = "";
  let isSweeping = false;
  let newRows = 0;
  let sweptAt: number | null = null;

  async function sweep(now: number): Promise<void> {
    isSweeping = true;
    try {
      after = await run(text, [after, String(now - SLACK_MS)]);
    } catch {
      // The next sweep finds the same rows; requests show whether the database works.
    }
    sweptAt = steady();
    isSweeping = false;
  }

  return {
    wrote(rows, now) {
      newRows += rows;
      const isDue = newRows >= NEW_ROWS || steady() - (sweptAt ??= steady()) >= PAUSE_MS;
      if (!isDue || isSweeping) return;
      newRows = Math.max(0, newRows - NEW_ROWS);
      sweep(now);
    },
  };
}
