/**
 * The command `weir`: limits tried on access logs before they are set, checked, and explained.
 *
 * ```sh
 * npx weir suggest access.log
 * npx weir lint rules.ts
 * npx weir explain --rules rules.ts 'POST /login' --address 203.0.113.9
 * deno run --allow-read jsr:@weir/throttle/cli replay access.log --rules rules.ts
 * ```
 *
 * @module
 */

import { cannot, messageOf } from "../cannot.ts";
import { type Command, helpOf, helpOfAll, parseWords, UsageError } from "./command.ts";
import { explainCommand } from "./explain.ts";
import { lintCommand } from "./lint.ts";
import { promoteCommand } from "./promote.ts";
import { replayCommand } from "./replay.ts";
import { suggestCommand } from "./suggest.ts";
import { processTerminal, required, type Terminal } from "./terminal.ts";

export type { Terminal };

const COMMANDS: readonly Command[] = [
  replayCommand,
  suggestCommand,
  explainCommand,
  lintCommand,
  promoteCommand,
];

/** The process of a program, whose output is all written before it ends. */
interface Program {
  readonly argv: readonly string[];
  readonly stdout: { write(text: string, written: () => void): void };
  exit(code: number): void;
}

const isHelp = (word: string): boolean => word === "--help" || word === "-h";

async function run([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    if (name !== undefined && (isHelp(name) || name === "help")) {
      terminal.out(helpOfAll(COMMANDS));
      return 0;
    }
    const names = COMMANDS.map((each) => each.name).join(", ");
    throw new UsageError(cannot("run weir", `its first word must be one of ${names}`, name));
  }
  if (args.some(isHelp)) {
    terminal.out(helpOf(command));
    return 0;
  }
  const { values, words } = parseWords(command, args);
  return await command.run(words, values, terminal);
}

/**
 * Runs the command.
 *
 * @param args The words after the command's name.
 * @param terminal Where it reads and writes. Default: files, and the standard streams of this process.
 * @returns The exit code: 0 done, 1 the answer is no, or a file cannot be read or used; 2 the command was misspelt.
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
  try {
    return await run(args, terminal);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const hint = isUsage ? "\nSee weir --help." : "";
    terminal.err(`weir: ${messageOf(error)}${hint}\n`);
    return isUsage ? 2 : 1;
  }
}

// On Deno and Bun this is the program that was started; on Node that is dist/cli.js.
if ((import.meta as { main?: boolean }).main === true) {
  const { argv, stdout, exit } = required<Program>("node:process");
  // The rules may hold a connection open, which would keep the process.
  main(argv.slice(2)).then((code) => stdout.write("", () => exit(code)));
}
