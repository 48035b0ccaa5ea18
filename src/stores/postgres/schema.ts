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
  const write = quoted(`${name}_write_1`);
  const probe = `WITH written AS (
  INSERT INTO ${table} (key, version, state, until) VALUES ('@probe', 1, 'null', 0)
    ON CONFLICT (key) DO UPDATE SET until = excluded.until + 1 RETURNING key
) SELECT ${write}('{"rows": []}') AS answer FROM written`;
  return { table, write, probe };
}

/**
 * The function that compares versions and writes states.
 *
 * An instance that loses a race for the second time claims the row for as long as its next try takes: without that, another one
 * which writes the key all the time would always be faster, as it knows the newest state already.
 *
 * Rows are locked in the order in which they come, sorted by key, and no row is waited for after that: two calls never wait for
 * each other. Every statement in it sees the newest rows. It holds nothing once it has returned.
 */
const writeFunction = (table: string, write: string): string => `
CREATE OR REPLACE FUNCTION ${write}(asked json) RETURNS text LANGUAGE plpgsql AS $weir$
#variable_conflict use_column
DECLARE
  _ms float8 := extract(epoch FROM clock_timestamp()) * 1000;
  _rows json := asked->'rows';
  _lost int[] := '{}';
  _truth json[] := '{}';
  _claimant bigint := (asked->>'claimant')::bigint;
  _stands boolean;
  _version bigint;
  _state json;
  _row record;
BEGIN
  IF (asked->>'to')::float8 > _ms OR (asked->>'from')::float8 < _ms - 1000 THEN
    RETURN json_build_object('now', _ms, 'isLate', true)::text;
  END IF;
  -- A plan that was made while the table was small would read all of it when it is large.
  PERFORM set_config('enable_seqscan', 'off', true), set_config('lock_timeout', coalesce(asked->>'wait', '0'), true),
    CASE WHEN NOT (asked->>'durable')::boolean THEN set_config('synchronous_commit', 'off', true) END;
  FOR _row IN SELECT * FROM json_to_recordset(_rows)
    AS r(i int, k text, v bigint, n bigint, s json, u bigint, g int, alone boolean, held boolean, c float8)
  LOOP
    IF _row.n IS NOT NULL AND _row.v = 0 THEN
      INSERT INTO ${table} (key, version, state, until) VALUES (_row.k, _row.n, coalesce(_row.s, 'null'), _row.u)
        ON CONFLICT (key) DO NOTHING;
      _stands := FOUND;
    ELSIF _row.n IS NOT NULL AND _row.alone THEN
      UPDATE ${table} SET version = _row.n, state = coalesce(_row.s, 'null'), until = _row.u, claim_until = 0
        WHERE key = _row.k AND version = _row.v AND (claim_until <= _ms OR claimant = _claimant);
      _stands := FOUND;
    ELSIF _row.held THEN
      PERFORM FROM ${table} WHERE key = _row.k AND version = _row.v
        AND (claim_until <= _ms OR claimant = _claimant) FOR UPDATE;
      _stands := FOUND OR (_row.v = 0 AND NOT EXISTS (SELECT FROM ${table} WHERE key = _row.k));
    ELSE
      _stands := false;
    END IF;
    IF NOT _stands THEN
      SELECT version, state INTO _version, _state FROM ${table} WHERE key = _row.k;
      IF _row.held OR coalesce(_version, 0) <> _row.v THEN
        _lost := _lost || _row.g;
        _truth := _truth || json_build_array(_row.i, _version, _state);
      END IF;
      IF _row.held AND _row.c > 0 THEN
        UPDATE ${table} SET claimant = _claimant, claim_until = _ms + _row.c
          WHERE key = _row.k AND claim_until <= _ms;
      END IF;
    END IF;
  END LOOP;
  FOR _row IN SELECT * FROM json_to_recordset(_rows)
    AS r(k text, v bigint, n bigint, s json, u bigint, g int, alone boolean)
    WHERE NOT r.alone AND r.n IS NOT NULL
  LOOP
    IF _row.g = ANY (_lost) THEN
      IF _row.v = 0 THEN DELETE FROM ${table} WHERE key = _row.k AND version = _row.n; END IF;
    ELSIF _row.v <> 0 THEN
      UPDATE ${table} SET version = _row.n, state = coalesce(_row.s, 'null'), until = _row.u, claim_until = 0
        WHERE key = _row.k;
    END IF;
  END LOOP;
  RETURN json_build_object('now', _ms, 'lost', _lost, 'truth', _truth)::text;
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
