/**
 * The interface of a command, its words, and its help.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { required, type Terminal } from "./terminal.ts";

/** The command was misspelt. */
export class UsageError extends Error {}

/** An option of a command. */
export interface CommandOption {
  /** Whether a text follows it. */
  readonly type: "string" | "boolean";
  /** May it be given several times? Its value is then a list. */
  readonly multiple?: boolean;
  /** The text that follows it, in the help: "FILE". */
  readonly hint?: string;
  /** Its meaning, for the help. */
  readonly help: string;
}

/** An option for each value. */
export type OptionsOf<Values extends object> = { readonly [Name in keyof Values]-?: CommandOption };

/** A command of `weir`. `Values` are those of its options, by their names. */
export interface Command<Values extends object = object> {
  /** Its first word. */
  readonly name: string;
  /** The words after its name: "LOG... --rules FILE". */
  readonly words: string;
  /** Its purpose, for the help. */
  readonly summary: string;
  readonly options: OptionsOf<Values> & Readonly<Record<string, CommandOption>>;
  /** Commands to copy, for the help. */
  readonly examples: readonly string[];
  /**
   * Runs it.
   *
   * @param words The words that belong to no option.
   * @returns The exit code: 0 done, 1 the answer is no.
   * @throws {UsageError} When a word is missing.
   */
  run(words: readonly string[], values: Values, terminal: Terminal): Promise<number>;
}

interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly value?: string;
}

interface ParseArgs {
  parseArgs(config: object): { values: object; positionals: string[]; tokens: Token[] };
}

/** Reads the words after the name of a command. */
export function parseWords(
  { name, options }: Command,
  args: readonly string[],
): { values: object; words: string[] } {
  const { values, positionals, tokens } = required<ParseArgs>("node:util").parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type, multiple = false }]) => [
        name,
        { type, multiple },
      ]),
    ),
    // The sentences below are the same on each runtime.
    ...{ strict: false, allowPositionals: true, tokens: true },
  });
  const given = new Set<string>();
  for (const { kind, name: option = "", value } of tokens) {
    if (kind !== "option") continue;
    const { type, multiple = false, hint = "" } = options[option] ?? {};
    if (type === undefined) throw new UsageError(`weir ${name} takes no ${dashed(option)}`);
    if (type === "string" && value === undefined) {
      throw new UsageError(`weir ${name} needs a value after --${option}: ${hint}`);
    }
    if (type === "boolean" && value !== undefined) {
      throw new UsageError(cannot(`run weir ${name}`, `--${option} takes no value`, value));
    }
    // The last one would count, and the others be left out in silence.
    if (given.has(option) && !multiple) throw new UsageError(`weir ${name} takes one --${option} only`);
    given.add(option);
  }
  return { values, words: positionals };
}

const dashed = (option: string): string => option.length === 1 ? `-${option}` : `--${option}`;

/** Lines of two columns. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** The text that `weir NAME --help` writes. */
export function helpOf({ name, words, summary, options, examples }: Command): string {
  const rows = Object.entries(options).map(([option, { hint, help }]) =>
    [`--${option}${hint === undefined ? "" : ` ${hint}`}`, help] as const
  );
  return `${summary}\n\nUsage:\n  weir ${name} ${words}\n\nOptions:\n${columns(rows)}\n` +
    `Examples:\n${examples.map((example) => `  ${example}\n`).join("")}`;
}

/** The text that `weir --help` writes. */
export function helpOfAll(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`weir ${name}`, summary] as const);
  return `Limits tried before they are set, and explained after.\n\nCommands:\n${columns(rows)}\n` +
    `Examples:\n${commands.map(({ examples: [example] }) => `  ${example}\n`).join("")}\n` +
    "weir COMMAND --help says more.\n\n" +
    "Exit codes: 0 done, 1 the answer is no, or a file cannot be read or used; 2 the command was misspelt.\n";
}
