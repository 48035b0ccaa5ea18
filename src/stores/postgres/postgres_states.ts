/**
 * Versioned states in a table of Postgres.
 *
 * @module
 */

import type { StateChange, StatesRead, VersionedStates } from "../cas/versioned_states.ts";
import { type KnownState, knownStates } from "./known_states.ts";
import { codeOf, type RunStatement } from "./postgres_client.ts";
import { namesOf } from "./schema.ts";
import { serverClock } from "./server_clock.ts";
import { sweeperOf } from "./sweeper.ts";
import { withTable } from "./table.ts";
import { writeCalls } from "./write_call.ts";
import { NO_ROW, type Row } from "./write_rows.ts";

/** The options of {@link postgresStates}. */
export interface PostgresStatesOptions {
  readonly run: RunStatement;
  readonly table: string;
  /** Does a write wait until it is on disk? */
  readonly durable: boolean;
  /** How long a row that another transaction has locked is waited for, in ms. */
  readonly waitMs: number;
  /** A clock in ms that never steps. Default `performance.now`. */
  readonly steady?: () => number;
}

/** States of Postgres, and the other things that a store does there. */
export interface PostgresStates extends VersionedStates {
  /** Deletes a key. */
  forget(key: string): Promise<void>;
  /** Writes a row that is no state. */
  probe(): Promise<void>;
}

/** The codes of an error by which another transaction got in the way: nothing was done. */
const IN_THE_WAY = new Set(["40001", "40P01"]);

/** How often a reset is tried, as each time another transaction gets in the way a decision was made. */
const MAX_TRIES = 32;

const digits = (least: number): number => least + Math.floor(Math.random() * 9 * least);

/**
 * A version that no row had before, for all rows of a call: 15 digits, made of two numbers as engines write small ones several
 * times faster.
 */
const newVersion = (): string => `${digits(1e5)}${digits(1e8)}`;

/** The row that a change writes, with this new version. */
function rowOf({ key, version, state, ttlMs }: StateChange, now: number, n: string): Row {
  const found = version as KnownState | null;
  const v = found === null ? NO_ROW : found.digits;
  if (state === undefined) return { k: key, v, n: null };
  return { k: key, v, n, s: JSON.stringify(state), u: now + ttlMs, o: found?.json };
}

/** Deletes a row. Where transactions are REPEATABLE READ by default, that fails where a decision has just written it. */
async function removeRow(run: RunStatement, table: string, key: string, tries: number): Promise<unknown> {
  try {
    return await run(`DELETE FROM ${table} WHERE key = $1`, [key]);
  } catch (error) {
    if (tries === 1 || !IN_THE_WAY.has(codeOf(error))) throw error;
    return removeRow(run, table, key, tries - 1);
  }
}

/**
 * States in a table.
 *
 * A decision takes one statement: it starts from the states that were seen last, and from an estimate of the server's time by its
 * last answer. The statement writes only if all of these were right, and otherwise answers with the states that are there.
 */
export function postgresStates(options: PostgresStatesOptions): PostgresStates {
  const { table, durable, waitMs, steady = () => performance.now() } = options;
  const names = namesOf(table);
  const run = withTable(options.run, table);
  const clock = serverClock(steady);
  const known = knownStates(steady);
  const sweeper = sweeperOf(options.run, names.table, steady);

  const heard = { hearTime: clock.learn, hearRow: known.heard };
  const call = writeCalls({ run, names, durable, waitMs, steady, ...heard });

  function recall(keys: readonly string[], now: number): StatesRead {
    const areFresh = keys.map(known.isFresh);
    // Several keys that were read one after the other are only sure once they are compared.
    return { now, states: keys.map(known.get), isGuess: keys.length > 1 || !areFresh[0] };
  }

  async function readNow(keys: readonly string[]): Promise<StatesRead> {
    await call({ rows: keys.map((k) => ({ k, v: "-1", n: null })), at: null, lost: 0 });
    return recall(keys, clock.now()!);
  }

  function written(changes: readonly StateChange[], rows: readonly Row[]): void {
    let made = 0;
    for (let i = 0; i < rows.length; i++) {
      const { k, v, n, s } = rows[i];
      if (n !== null) known.wrote(k, n, changes[i].state, s!);
      if (v === NO_ROW) made++;
    }
    sweeper.wrote(made, clock.now()!);
  }

  function write(changes: readonly StateChange[], now: number, lost: number): Promise<boolean> {
    const next = newVersion();
    const rows = changes.map((change) => rowOf(change, now, next));
    return call({ rows, at: now, lost }).then((isWritten) => {
      if (isWritten) written(changes, rows);
      return isWritten;
    }, (error) => {
      for (const { k } of rows) known.forget(k);
      if (!IN_THE_WAY.has(codeOf(error))) throw error;
      return false;
    });
  }

  return {
    read(keys) {
      const now = clock.now();
      return now === null ? readNow(keys) : recall(keys, now);
    },
    write,
    async forget(key) {
      await removeRow(run, names.table, key, MAX_TRIES);
      known.forget(key);
    },
    probe: async () => void await run(names.probe, []),
  };
}
