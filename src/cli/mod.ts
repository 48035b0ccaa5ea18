/**
 * The command `weir`: limits tried on access logs before they are set.
 *
 * ```sh
 * npx weir suggest access.log
 * deno run --allow-read jsr:@weir/throttle/cli replay access.log --rules rules.ts
 * ```
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { type LoggedRequests, readLog } from "../replay/read_log.ts";
import { replay } from "../replay/replay.ts";
import type { ReplayReport } from "../replay/replay_report.ts";
import { suggest, type Suggestions, type SuggestKey } from "../replay/suggest.ts";
import { promote } from "./promote.ts";
import { readRules } from "./rules_file.ts";
import { grouped, tableOf } from "./table.ts";
import { processTerminal, required, type Terminal } from "./terminal.ts";
import { USAGE } from "./usage.ts";

export type { Terminal };

/** The command was misspelt. */
class UsageError extends Error {}

interface Values {
  readonly rules?: string;
  readonly format?: string;
  readonly json?: string;
  readonly key?: string[];
  readonly window?: string[];
  readonly route?: string[];
  readonly help?: boolean;
}

interface Words {
  readonly values: Values;
  readonly positionals: string[];
}

interface ParseArgs {
  parseArgs(config: { args: string[]; options: object; allowPositionals: boolean }): Words;
}

const TEXT = { type: "string" };
const TEXTS = { type: "string", multiple: true };
const OPTIONS = {
  ...{ rules: TEXT, format: TEXT, json: TEXT, key: TEXTS, window: TEXTS, route: TEXTS },
  help: { type: "boolean", short: "h" },
};

/** Which options each command takes beside `--json` and `--format`. */
const COMMANDS: Readonly<Record<string, readonly (keyof Values)[]>> = {
  replay: ["rules"],
  suggest: ["key", "window", "route"],
};

function parse(args: readonly string[]): Words {
  try {
    return required<ParseArgs>("node:util").parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function logOf(paths: readonly string[], { format }: Values, terminal: Terminal): LoggedRequests {
  return readLog(paths.map((path) => terminal.read(path)), format === undefined ? {} : { format });
}

/** The lines above a table: how much of the log was read. */
function readingText({ summary }: LoggedRequests): string {
  const { requests, broken, samples, formats } = summary;
  const first = samples.length === 0
    ? ""
    : `; the first, line ${samples[0].line}: ${JSON.stringify(samples[0].text.slice(0, 80))}`;
  const ignored = broken === 0 ? "" : `${grouped(broken)} lines are no request${first}\n`;
  return `${grouped(requests)} requests (${[...new Set(formats)].join(", ") || "no lines"})\n${ignored}`;
}

/** The figures of a replay that the command promises as JSON. */
function replayJson(report: ReplayReport): object {
  const { lines, requests, broken, from, to, clients, refused, refusedClients, rules } = report;
  return {
    ...{ lines, requests, broken, from, to, clients, refused, refusedClients },
    rules: rules.map(({ rule, asked, refused, clients, refusedClients, worst }) => (
      { rule, asked, refused, clients, refusedClients, worst }
    )),
  };
}

function suggestJson({ requests, suggestions }: Suggestions): object {
  return {
    requests,
    suggestions: suggestions.map(({ key, route, window, clients, p50, p99, p999, max }) => (
      { key, route, window, clients, p50, p99, p999, max }
    )),
  };
}

function replayText(report: ReplayReport): string {
  const { from, to, refused, refusedClients, clients, rules, limitations } = report;
  const table = tableOf(
    ["rule", "asked", "refused", "clients", "refused clients", "worst"],
    rules.map((each) => [
      ...[each.mode === "shadow" ? `${each.rule} (shadow)` : each.rule, each.asked, each.refused],
      ...[each.clients, each.refusedClients],
      each.worst.slice(0, 3).map(({ key, refused }) => `${key} (${grouped(refused)})`).join(", "),
    ]),
  );
  const span = from === null ? "" : `from ${from} to ${to}\n`;
  const all = `all rules: ${grouped(refused)} requests refused, of ${grouped(refusedClients)} of ${
    grouped(clients)
  } clients\n`;
  return `${span}\n${table}\n${all}${limitations.map((text) => `\nNote: ${text}`).join("")}\n`;
}

function suggestText({ suggestions }: Suggestions): string {
  const rows = suggestions.map(({ key, route, window, clients, p50, p99, p999, max }) => [
    ...[key, route, window, clients, p50, p99, p999, max],
  ]);
  const heading = ["key", "route", "window", "clients", "50 %", "99 %", "99.9 %", "all"];
  const rules = suggestions.map(({ rule }) => `  ${rule},\n`).join("");
  return `\n${tableOf(heading, rows)}\nThe smallest limits that leave this part of the clients untouched. ` +
    `As rules that leave 99.9 %:\n${rules}`;
}

/** Writes figures where they are wanted. */
function write({ json }: Values, figures: object, text: () => string, terminal: Terminal): void {
  const lines = `${JSON.stringify(figures, null, 2)}\n`;
  if (json === "-") return terminal.out(lines);
  if (json !== undefined) terminal.write(json, lines);
  terminal.out(text());
}

async function replayCommand(paths: readonly string[], values: Values, terminal: Terminal): Promise<void> {
  if (values.rules === undefined) throw new UsageError("weir replay needs --rules FILE");
  const options = await readRules(values.rules, terminal);
  const log = logOf(paths, values, terminal);
  const report = await replay(log, options);
  write(values, replayJson(report), () => readingText(log) + replayText(report), terminal);
}

async function suggestCommand(paths: readonly string[], values: Values, terminal: Terminal): Promise<void> {
  const { key, window, route } = values;
  const log = logOf(paths, values, terminal);
  const found = await suggest(log, {
    ...key === undefined ? {} : { keys: key as SuggestKey[] },
    ...window === undefined ? {} : { windows: window },
    ...route === undefined ? {} : { routes: route },
  });
  write(values, suggestJson(found), () => readingText(log) + suggestText(found), terminal);
}

async function run(args: readonly string[], terminal: Terminal): Promise<void> {
  const { values, positionals: [command, ...paths] } = parse(args);
  if (values.help || command === "help") return terminal.out(USAGE);
  const own = COMMANDS[command ?? ""];
  if (own === undefined) {
    throw new UsageError(cannot("run weir", "its command must be replay or suggest", command));
  }
  const strange = Object.keys(values).find((name) =>
    !["json", "format", ...own].includes(name as keyof Values)
  );
  if (strange !== undefined) throw new UsageError(`weir ${command} takes no --${strange}`);
  if (paths.length === 0) {
    throw new UsageError(`weir ${command} needs a log: a file, or - for standard input`);
  }
  await (command === "replay" ? replayCommand : suggestCommand)(paths, values, terminal);
}

/**
 * Runs the command.
 *
 * @param args The words after the command's name.
 * @param terminal Where it reads and writes. Default: files, and the standard streams of this process.
 * @returns The exit code: 0 done, 1 a log or the rules cannot be read, 2 the command was misspelt.
 *
 * @example
 * ```ts
 * import { main } from "@weir/throttle/cli";
 * import { equal } from "node:assert/strict";
 *
 * const code = await main(["suggest", "access.log", "--json", "-"], {
 *   read: async function* () {
 *     yield new TextEncoder().encode('192.0.2.1 - - [29/Nov/2026:04:30:20 +0000] "GET / HTTP/1.1" 200 5\n');
 *   },
 *   out: (text) => equal(JSON.parse(text).suggestions[0].max, 1),
 *   err: console.error,
 *   write: () => {},
 *   load: () => Promise.resolve({}),
 * });
 * equal(code, 0);
 * ```
 */
export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  if (args[0] === "promote") return await promote(args.slice(1), terminal);
  try {
    await run(args, terminal);
    return 0;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const hint = isUsage ? "\nSee weir --help." : "";
    terminal.err(`weir: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
    return isUsage ? 2 : 1;
  }
}

// On Deno and Bun this is the program that was started; on Node that is dist/cli.js.
if ((import.meta as { main?: boolean }).main === true) {
  const process = required<{ argv: string[]; exitCode?: number }>("node:process");
  main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
