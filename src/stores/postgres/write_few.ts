/**
 * The usual decision: the function of the database that changes few rows, and its call.
 *
 * @module
 */

import { literalOf } from "./literal.ts";
import { isUndoable, isUpdate, type WriteCall } from "./write_rows.ts";

/** The most rows that it changes. */
const FEW = 3;

const ROWS = Array.from({ length: FEW }, (_, i) => i);

/** Can the function do this? A call that was lost before claims its rows. */
export function isOfFew({ rows, lost }: WriteCall): boolean {
  if (lost > 0 || rows.length > FEW || !rows.every(isUpdate)) return false;
  return rows.length === 1 || rows.every(isUndoable);
}

const DONE = `RETURN '{"now":' || _ms || '}';`;

/** Changes a row and those after it. Where one of these did not stand as expected, it undoes this one; `until` only grows. */
function changeFrom(row: number, table: string): string {
  const next = row + 1;
  return `UPDATE ${table} SET version = _n, state = _s${row}, until = greatest(until, _u${row}), claim_until = 0
    WHERE key = _k${row} AND version = _v${row} AND claim_until <= _ms;
  IF FOUND THEN
    ${
    next === FEW ? DONE : `IF _k${next} IS NULL THEN ${DONE} END IF;
  ${changeFrom(next, table)}
    UPDATE ${table} SET version = _v${row}, state = _o${row}::json WHERE key = _k${row};`
  }
  END IF;`;
}

/**
 * The function that changes few rows, all or none, as the one that writes any rows does. It takes a fifth less of the server's
 * time, as values of their own types need no expressions that read them out of a text.
 *
 * It changes the rows in the order in which all calls lock them. Where one has another version or a claim, it undoes those before,
 * which stay locked, and the other function looks at each row: that waits for none that comes before them.
 *
 * Its arguments: the time of the decision, the claimant, how long a locked row is waited for (ms), whether the disk is, the new
 * version; and for each row its key, or null, the version that it must have, the new state, when that is over, and the state
 * that it has, to be written again.
 */
export const fewFunction = (table: string, few: string, write: string): string => `
CREATE OR REPLACE FUNCTION ${few}(_at float8, _claimant bigint, _wait text, _durable int, _n bigint, ${
  ROWS.map((i) => `
  _k${i} text, _v${i} bigint, _s${i} json, _u${i} bigint, _o${i} text`)
}) RETURNS text LANGUAGE plpgsql AS $weir$
DECLARE
  _ms float8 := date_part('epoch', clock_timestamp()) * 1000;
  _set text;
BEGIN
  IF _at > _ms OR _at < _ms - 1000 THEN RETURN '{"isLate":true,"now":' || _ms || '}'; END IF;
  -- As in the other function.
  _set := set_config('enable_seqscan', 'off', true) || set_config('plan_cache_mode', 'force_generic_plan', true)
    || set_config('lock_timeout', _wait, true)
    || CASE WHEN _durable = 0 THEN set_config('synchronous_commit', 'off', true) END;
  ${changeFrom(0, table)}
  RETURN ${write}((ARRAY[_at::text, _at::text, _claimant::text, _wait, _durable::text, '0', '0', '0', '0', '{}',
    ${ROWS.map((i) => `_k${i}, _v${i}::text, _n::text, _s${i}::text, _u${i}::text, '0', NULL`)}
  ])[1:10 + 7 * num_nonnulls(${ROWS.map((i) => `_k${i}`)})]::text);
END
$weir$`;

/**
 * The statement that calls it.
 *
 * @param few The name of the function, quoted.
 * @param whose The claimant, how long a locked row is waited for, as text, and whether the disk is.
 */
export function fewStatement(few: string, { rows, at }: WriteCall, whose: string): string {
  let text = `SELECT ${few}('${at}',${whose},${rows[0].n}`;
  for (const { k, v, s, u, o } of rows) {
    text += `,${literalOf(k)},${v},${literalOf(s!)},${u},${rows.length === 1 ? "NULL" : literalOf(o!)}`;
  }
  return `${text}${",NULL,NULL,NULL,NULL,NULL".repeat(FEW - rows.length)}) AS answer`;
}

/** An expression that calls it, for a decision so long ago that it does nothing. */
export const fewProbe = (few: string): string => `${few}('-Infinity'${", NULL".repeat(4 + 5 * FEW)})`;
