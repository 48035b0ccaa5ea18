import type { Store } from "../../mod.ts";
import { scriptText } from "../../src/stores/redis/script.ts";
import type { ScriptRunner } from "../../src/stores/redis/script_runner.ts";
import { scriptStore } from "../../src/stores/redis/script_store.ts";
import { type SharedStoreOptions, sharedStoreSettings } from "../../src/stores/shared_store_options.ts";
import type { Connection } from "./resp.ts";

/** Stores by scripts on a clock of the test's own, which is a key of Redis. */

const CLOCK = "the clock";
const HOUR_MS = 3_600_000;

/** The options of such a store, and how it makes its scripts. */
export interface ClockedOptions extends SharedStoreOptions {
  /** By how much the keys outlive the test's time, as a walk through it takes real time. Default: an hour. */
  readonly outlivesMs?: number;
  /** Changes the text of a script. */
  readonly edit?: (text: string) => string;
}

export function clockedStore(
  runner: ScriptRunner,
  { outlivesMs = HOUR_MS, edit = (text) => text, ...options }: ClockedOptions = {},
): Store {
  return scriptStore(
    runner,
    sharedStoreSettings(options, "a test"),
    (twins) => edit(scriptText(twins, `local now = tonumber(redis.call('GET', '${CLOCK}'))`, outlivesMs)),
  );
}

/** Sets the clock. */
export const setClock = (command: Connection["command"], now: number): Promise<unknown> =>
  command("SET", CLOCK, now, "PX", HOUR_MS);
