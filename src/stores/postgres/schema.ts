/**
 * The table and the function of a store on Postgres.
 *
 * @module
 */

import { BOOLEAN, type Demand, type Demands, requireOptions } from "../../options.ts";

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

/** The names of a store's table and function, quoted, and the statement that finds out whether they work. */
export interface SchemaNames {
  readonly table: string;
  /** The function. Its name ends with the version of the things that it does. */
  readonly write: string;
  /** Writes a row of its own and calls the function, so that it shows what a decision would show. */
  readonly probe: string;
}

/** The names for a table. */
export function namesOf(name: string): SchemaNames {
  const table = quoted(name);
  const write = quoted(`${name}_write_2`);
  const probe = `WITH written AS (
  INSERT INTO ${table} (key, version, state, until) VALUES ('@probe', 1, 'null', 0)
    ON CONFLICT (key) DO UPDATE SET until = excluded.until + 1 RETURNING key
) SELECT ${write}('{-Infinity,Infinity}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') AS answer FROM written`;
  return { table, write, probe };
}

/** The numbers of a call's rows, and the row of the table that one is about: by an index alone, as no other join can use ANY. */
const NUMBERS = "generate_series(1, cardinality(_keys)) AS i";
const IS_ITS = "key = ANY (ARRAY[_keys[i]])";

/** Writes all rows that still have the expected versions. */
const writeAll = (table: string): string => `
    IF _inserts > 0 THEN
      INSERT INTO ${table} (key, version, state, until)
        SELECT _keys[i], _next[i], _states[i]::json, _untils[i] FROM ${NUMBERS}
        WHERE _versions[i] = 0 AND _next[i] IS NOT NULL ON CONFLICT (key) DO NOTHING;
      GET DIAGNOSTICS _inserted := ROW_COUNT;
    END IF;
    IF _updates > 0 THEN
      UPDATE ${table} SET version = _next[i], state = _states[i]::json, until = _untils[i], claim_until = 0
        FROM ${NUMBERS} WHERE _versions[i] > 0 AND _next[i] IS NOT NULL
          AND ${IS_ITS} AND version = _versions[i] AND (claim_until <= _ms OR claimant = _claimant);
      GET DIAGNOSTICS _updated := ROW_COUNT;
    END IF;
    _isDone := _inserted = _inserts AND _updated = _updates;`;

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
 * A session plans its statements once: the server keeps plans with the function, so that a pooler cannot lose them. Values come as
 * text, which every client sends alike, and those that are seldom used are read where they are.
 *
 * `_asked` has nine numbers: the earliest and the latest time of the decisions, the claimant, how long a locked row is waited for
 * (ms), whether the disk is, how many rows are new, how many change, the way (0: each row by itself; 1: all at once; 2: all at
 * once, and all or none), and how long a claim lasts (ms).
 */
const writeFunction = (table: string, write: string): string => `
CREATE OR REPLACE FUNCTION ${write}(
  _asked text, _ks text, _vs text, _ns text, _ss text, _us text, _calls text, _claims text
) RETURNS text LANGUAGE plpgsql AS $weir$
#variable_conflict use_column
DECLARE
  _ms float8 := date_part('epoch', clock_timestamp()) * 1000;
  _numbers float8[] := _asked;
  _claimant bigint := _numbers[3];
  _inserts int := _numbers[6];
  _updates int := _numbers[7];
  _way int := _numbers[8];
  _inserted int := 0;
  _updated int := 0;
  _isDone boolean := false;
  _keys text[] := _ks;
  _versions bigint[] := _vs;
  _next bigint[] := _ns;
  _states text[] := _ss;
  _untils bigint[] := _us;
  _set text;
  _lost int[] := '{}';
  _truth json[] := '{}';
  _stands boolean;
  _version bigint;
  _state json;
  _row record;
BEGIN
  IF _numbers[2] > _ms OR _numbers[1] < _ms - 1000 THEN
    RETURN '{"isLate":true,"now":' || _ms || '}';
  END IF;
  -- A plan that was made while the table was small would read all of it when it is large.
  _set := set_config('enable_seqscan', 'off', true);
  _set := set_config('plan_cache_mode', 'force_generic_plan', true);
  _set := set_config('lock_timeout', _numbers[4]::text, true);
  IF _numbers[5] = 0 THEN _set := set_config('synchronous_commit', 'off', true); END IF;
  IF _way = 1 AND _updates = 1 AND cardinality(_keys) = 1 THEN
    -- The usual decision: a fifth less work than for rows that may be many.
    UPDATE ${table} SET version = _next[1], state = _states[1]::json, until = _untils[1], claim_until = 0
      WHERE key = _keys[1] AND version = _versions[1] AND (claim_until <= _ms OR claimant = _claimant);
    _isDone := FOUND;
  ELSIF _way = 1 THEN
    ${writeAll(table)}
  ELSIF _way = 2 THEN
    -- Rows of one call are written all or none: an inner transaction, which takes a second transaction id, is less than locks.
    BEGIN
    ${writeAll(table)}
      IF NOT _isDone THEN RAISE SQLSTATE 'WEIR0'; END IF;
    EXCEPTION WHEN SQLSTATE 'WEIR0' THEN
      NULL;
    END;
  END IF;
  IF _isDone AND cardinality(_keys) = _inserts + _updates THEN
    RETURN '{"now":' || _ms || '}';
  END IF;
  IF _isDone OR _way = 1 THEN
    _truth := ARRAY(
      SELECT json_build_array(i - 1, version, state) FROM ${NUMBERS} LEFT JOIN ${table} ON ${IS_ITS}
        WHERE coalesce(version, 0) <> coalesce(_next[i], _versions[i])
    );
    RETURN json_build_object('now', _ms, 'truth', _truth);
  END IF;
  FOR _row IN SELECT * FROM
    unnest(_keys, _versions, _next, _states, _untils, _calls::int[]) WITH ORDINALITY AS r(k, v, n, s, u, g, i)
  LOOP
    IF _row.n IS NOT NULL AND _row.v = 0 THEN
      INSERT INTO ${table} (key, version, state, until) VALUES (_row.k, _row.n, _row.s::json, _row.u)
        ON CONFLICT (key) DO NOTHING;
      _stands := FOUND;
    ELSIF _row.g IS NOT NULL THEN
      PERFORM FROM ${table} WHERE key = _row.k AND version = _row.v
        AND (claim_until <= _ms OR claimant = _claimant) FOR UPDATE;
      _stands := FOUND OR (_row.v = 0 AND NOT EXISTS (SELECT FROM ${table} WHERE key = _row.k));
    ELSE
      _stands := false;
    END IF;
    IF NOT _stands THEN
      SELECT version, state INTO _version, _state FROM ${table} WHERE key = _row.k;
      IF _row.g IS NOT NULL OR coalesce(_version, 0) <> _row.v THEN
        _lost := _lost || _row.g;
        _truth := _truth || json_build_array(_row.i - 1, _version, _state);
      END IF;
      IF _row.v > 0 AND _row.g = ANY (_claims::int[]) THEN
        UPDATE ${table} SET claimant = _claimant, claim_until = _ms + _numbers[9]
          WHERE key = _row.k AND claim_until <= _ms;
      END IF;
    END IF;
  END LOOP;
  FOR _row IN SELECT * FROM unnest(_keys, _versions, _next, _states, _untils, _calls::int[]) AS r(k, v, n, s, u, g)
    WHERE r.n IS NOT NULL
  LOOP
    IF _row.g = ANY (_lost) THEN
      IF _row.v = 0 THEN DELETE FROM ${table} WHERE key = _row.k AND version = _row.n; END IF;
    ELSIF _row.v <> 0 THEN
      UPDATE ${table} SET version = _row.n, state = _row.s::json, until = _row.u, claim_until = 0
        WHERE key = _row.k;
    END IF;
  END LOOP;
  RETURN json_build_object('now', _ms, 'truth', _truth);
END
$weir$`;

/** The statements that make the table and the function where they do not exist, one by one. */
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
  ];
}

/**
 * The SQL that makes the table and the function of {@link postgresStore}, for those who migrate by hand. It may be run again.
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
