/**
 * The rules that a module exports, in the forms in which production imports them.
 *
 * @module
 */

import { cannot, messageOf } from "../cannot.ts";
import type { ReplayOptions } from "../replay/replay.ts";
import { isThrottle } from "../replay/replayer.ts";
import type { Terminal } from "./terminal.ts";

/** Rules, and the options of their throttle: from a throttle, `{ rules, options }`, or rules alone. */
function optionsOf(value: unknown): ReplayOptions {
  const { rules, options } = value as { rules?: unknown; options?: unknown };
  if (isThrottle(value) || rules === undefined) return { rules: value as ReplayOptions["rules"] };
  return { rules, ...options === undefined ? {} : { options } } as ReplayOptions;
}

/**
 * Reads rules from a module: its default export, else its `rules` (with its `options`), else its `throttle`.
 *
 * @param path Of a module, or of JSON.
 * @throws {TypeError} When it cannot be imported, or exports no rules.
 */
export async function readRules(path: string, terminal: Terminal): Promise<ReplayOptions> {
  let module: Record<string, unknown>;
  try {
    module = await terminal.load(path);
  } catch (cause) {
    const isTypeScript = /\.[mc]?tsx?$/.test(path) &&
      (cause as { code?: unknown } | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION";
    const why = isTypeScript
      ? "this Node does not import TypeScript: add esbuild to the project (npm install --save-dev esbuild), or run weir on " +
        "Node 22.18, Bun or Deno"
      : `it cannot be imported (${messageOf(cause).replace(/\s*\n\s*/g, " ")})`;
    throw new TypeError(cannot("read rules", why, path), { cause });
  }
  const value = module.default ?? (module.rules === undefined ? module.throttle : { ...module });
  if (value === undefined || value === null) {
    throw new TypeError(cannot("read rules", "the module exports none (default, rules or throttle)", path));
  }
  return optionsOf(value);
}
