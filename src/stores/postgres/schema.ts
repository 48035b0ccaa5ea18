/**
 * The table and the functions of a store on Postgres.
 *
 * @module
 */

import { BOOLEAN, type Demand, type Demands, requireOptions } from "../../options.ts";
import { fewFunction, fewProbe } from "./write_few.ts";

/** The options of {@link schemaSql}. */
export interface SchemaOptions {
  /** The table's name, with its schema where it needs one: "limits.weir". Default "weir". */
  table?: string;
  /**
   * An unlogged table: less work for the disk, and nothing of it on replicas; a crash of the server empties it, so that all
   * limits begin anew. Default false.
   */
  unlogged?: boolean;
}

/** The demand on the name of a table. */
export const TABLE: Demand = {
  must: "a name of at most 40 letters, digits and _, with its schema before a dot where it needs one",
  holds: (table) => typeof table === "string" && /^(?:[a-z_]\w{0,39}\.)?[a-z_]\w{0,39}$/i.test(table),
};

const DEMANDS: Demands<SchemaOptions> = { table: TABLE, unlogged: BOOLEAN };

const quoted = (name: string): string => name.split(".").map((word) => `"${word}"`).join(".");

/** The names of a store's table and functions, quoted, and the statement that finds out whether they work. */
export interface SchemaNames {
  readonly table: string;
  /** The function that writes any rows. Its name ends with the version of the things that it does. */
  readonly write: string;
  /** The function that changes few rows. */
  readonly few: string;
  /** Writes a row of its own and calls the functions, so that it shows what a decision would show. */
  readonly probe: string;
}

/** The names for a table. */
export function namesOf(name: string): SchemaNames {
  const table = quoted(name);
  const write = quoted(`${name}_write_5`);
  const few = quoted(`${name}_write_few_5`);
  const probe = `WITH written AS (
  INSERT INTO ${table} (key, version, state, until) VALUES ('@probe', 1, 'null', 0)
    ON CONFLICT (key) DO UPDATE SET until = excluded.until + 1 RETURNING key
) SELECT ${write}('{-Infinity,Infinity}') || ${fewProbe(few)} AS answer FROM written`;
  return { table, write, few, probe };
}

/** The places of a call's rows, and the row of the table that one is about: by an index alone, as no other join can use ANY. */
const PLACES = "generate_series(11, cardinality(_call), 7) AS i";
const IS_ITS = "key = ANY (ARRAY[_call[i]])";

/** Writes all rows that still have the expected versions. `until` only grows, so that {@link undoAll} can leave it. */
const writeAll = (table: string): string => `
    IF _call[6] <> '0' THEN
      INSERT INTO ${table} (key, version, state, until)
        SELECT _call[i], _call[i + 2]::bigint, _call[i + 3]::json, _call[i + 4]::bigint FROM ${PLACES}
        WHERE _call[i + 1] = '0' AND _call[i + 2] IS NOT NULL ON CONFLICT (key) DO NOTHING;
      GET DIAGNOSTICS _inserted := ROW_COUNT;
    END IF;
    IF _call[7] <> '0' THEN
      UPDATE ${table} SET version = _call[i + 2]::bigint, state = _call[i + 3]::json,
          until = greatest(until, _call[i + 4]::bigint), claim_until = 0
        FROM ${PLACES} WHERE _call[i + 2] IS NOT NULL AND ${IS_ITS} AND version = _call[i + 1]::bigint
          AND (claim_until <= _ms OR claimant = _call[3]::bigint);
      GET DIAGNOSTICS _updated := ROW_COUNT;
    END IF;
    _isDone := _inserted = _call[6]::int AND _updated = _call[7]::int;`;

/**
 * Undoes what {@link writeAll} has written. Its rows stay locked, and the function waits for no other one after that: a row that
 * was not written has another version, or a claim, and never again the expected one.
 */
const undoAll = (table: string): string => `
      DELETE FROM ${table} USING ${PLACES} WHERE _call[i + 1] = '0' AND ${IS_ITS} AND version = _call[i + 2]::bigint;
      UPDATE ${table} SET version = _call[i + 1]::bigint, state = _call[i + 6]::json FROM ${PLACES}
        WHERE ${IS_ITS} AND version = _call[i + 2]::bigint;`;

/**
 * The function that compares versions and writes states.
 *
 * It writes all rows at once, and looks at each one only where some version did not stand, or an instance lost before. An
 * instance that loses a race for the second time claims the row for as long as its next try takes: without that, another one
 * which writes the key all the time would always be faster, as it knows the newest state already.
 *
 * Rows are locked in the order in which they come, and no row is waited for after that. New rows come first, and then those that
 * exist, both sorted by key: whoever waits to make a row has locked none that exists, so two calls never wait for each other.
 * Every statement in it sees the newest rows. It holds nothing once it has returned.
 *
 * A session plans its statements once: the server keeps plans with the function, so that a pooler cannot lose them. All values
 * come as one text within the statement, which every client sends alike and at the least cost, and are read where they are used:
 * each expression that runs costs the server a third of a microsecond beside its work, and so does each variable with a value.
 *
 * `_call` has nine numbers: the earliest and the latest time of the decisions, the claimant, how long a locked row is waited for
 * (ms), whether the disk is, how many rows are new, how many change, the way (0: each row by itself; 1: all at once; 2: all at
 * once, and all or none), and how long a claim lasts (ms). Then come the calls that claim rows, as an array, and seven texts per
 * row: its key, the version that it must have, the new version, the new state, when that is over, the number of its call, and
 * the state that it has, to be written again where the way is 2 and some version did not stand.
 */
const writeFunction = (table: string, write: string): string => `
CREATE OR REPLACE FUNCTION ${write}(_asked text) RETURNS text LANGUAGE plpgsql AS $weir$
#variable_conflict use_column
DECLARE
  _ms float8 := date_part('epoch', clock_timestamp()) * 1000;
  _call text[] := _asked;
  _set text;
  _isDone boolean;
BEGIN
  IF _call[2]::float8 > _ms OR _call[1]::float8 < _ms - 1000 THEN
    RETURN '{"isLate":true,"now":' || _ms || '}';
  END IF;
  -- A plan that was made while the table was small would read all of it when it is large.
  _set := set_config('enable_seqscan', 'off', true) || set_config('plan_cache_mode', 'force_generic_plan', true)
    || set_config('lock_timeout', _call[4], true)
    || CASE WHEN _call[5] = '0' THEN set_config('synchronous_commit', 'off', true) END;
  IF _call[8] <> '0' THEN
    DECLARE
      _inserted int := 0;
      _updated int := 0;
    BEGIN
    ${writeAll(table)}
    IF _isDone THEN
      IF cardinality(_call) = 10 + 7 * (_inserted + _updated) THEN RETURN '{"now":' || _ms || '}'; END IF;
    ELSIF _call[8] = '2' THEN
      -- Rows of one call are written all or none. An inner transaction would take a second transaction id each time, and a tenth
      -- more work; this is seldom done.${undoAll(table)}
    END IF;
    END;
  END IF;
  DECLARE
    _lost int[] := '{}';
    _truth json[] := '{}';
    _stands boolean;
    _version bigint;
    _state json;
    _row record;
  BEGIN
    IF _isDone OR _call[8] = '1' THEN
      _truth := ARRAY(
        SELECT json_build_array((i - 11) / 7, version, state) FROM ${PLACES} LEFT JOIN ${table} ON ${IS_ITS}
          WHERE coalesce(version, 0) <> coalesce(_call[i + 2], _call[i + 1])::bigint
      );
      RETURN json_build_object('now', _ms, 'truth', _truth);
    END IF;
    FOR _row IN SELECT (i - 11) / 7 AS i, _call[i] AS k, _call[i + 1]::bigint AS v, _call[i + 2]::bigint AS n,
        _call[i + 3] AS s, _call[i + 4]::bigint AS u, _call[i + 5]::int AS g FROM ${PLACES}
    LOOP
      IF _row.n IS NOT NULL AND _row.v = 0 THEN
        INSERT INTO ${table} (key, version, state, until) VALUES (_row.k, _row.n, _row.s::json, _row.u)
          ON CONFLICT (key) DO NOTHING;
        _stands := FOUND;
      ELSIF _row.g IS NOT NULL THEN
        PERFORM FROM ${table} WHERE key = _row.k AND version = _row.v
          AND (claim_until <= _ms OR claimant = _call[3]::bigint) FOR UPDATE;
        _stands := FOUND OR (_row.v = 0 AND NOT EXISTS (SELECT FROM ${table} WHERE key = _row.k));
      ELSE
        _stands := false;
      END IF;
      IF NOT _stands THEN
        SELECT version, state INTO _version, _state FROM ${table} WHERE key = _row.k;
        IF _row.g IS NOT NULL OR coalesce(_version, 0) <> _row.v THEN
          _lost := _lost || _row.g;
          _truth := _truth || json_build_array(_row.i, _version, _state);
        END IF;
        IF _row.v > 0 AND _row.g = ANY (_call[10]::int[]) THEN
          UPDATE ${table} SET claimant = _call[3]::bigint, claim_until = _ms + _call[9]::float8
            WHERE key = _row.k AND claim_until <= _ms;
        END IF;
      END IF;
    END LOOP;
    FOR _row IN SELECT _call[i] AS k, _call[i + 1]::bigint AS v, _call[i + 2]::bigint AS n,
        _call[i + 3] AS s, _call[i + 4]::bigint AS u, _call[i + 5]::int AS g FROM ${PLACES}
      WHERE _call[i + 2] IS NOT NULL
    LOOP
      IF _row.g = ANY (_lost) THEN
        IF _row.v = 0 THEN DELETE FROM ${table} WHERE key = _row.k AND version = _row.n; END IF;
      ELSIF _row.v <> 0 THEN
        UPDATE ${table} SET version = _row.n, state = _row.s::json, until = _row.u, claim_until = 0
          WHERE key = _row.k;
      END IF;
    END LOOP;
    RETURN json_build_object('now', _ms, 'truth', _truth);
  END;
END
$weir$`;

/** The statements that make the table and the functions where they do not exist, one by one. */
export function schemaStatements(table: string, unlogged = false): readonly string[] {
  const names = namesOf(table);
  return [
    `CREATE ${unlogged ? "UNLOGGED " : ""}TABLE IF NOT EXISTS ${names.table} (
  key text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  state json NOT NULL,
  until bigint NOT NULL,
  claimant bigint NOT NULL DEFAULT 0,
  claim_until float8 NOT NULL DEFAULT 0
) WITH (fillfactor = 70)`,
    writeFunction(names.table, names.write).trim(),
    fewFunction(names.table, names.few, names.write).trim(),
  ];
}

/**
 * The SQL that makes the table and the functions of {@link postgresStore}, for those who migrate by hand. It may be run again.
 * Without it the store makes them itself, at the first request, if its user may.
 *
 * A user of the store needs USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on the table. Keys are the table's
 * `key`; `until` is the time after which a row means nothing, epoch ms: the store deletes such rows by itself.
 *
 * @param options See {@link SchemaOptions}.
 * @returns Statements, each ended by a semicolon.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 *
 * @example For a migration
 * ```ts
 * import { schemaSql } from "@weir/throttle/postgres";
 * import { match } from "node:assert/strict";
 *
 * match(schemaSql({ unlogged: true }), /CREATE UNLOGGED TABLE IF NOT EXISTS "weir"/);
 * ```
 */
export function schemaSql(options: SchemaOptions = {}): string {
  requireOptions(options, DEMANDS, "make schemaSql()");
  const { table = "weir", unlogged = false } = options;
  return schemaStatements(table, unlogged).map((statement) => `${statement};\n`).join("\n");
}
