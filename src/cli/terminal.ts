/**
 * The parts of its process that a command uses.
 *
 * @module
 */

import { builtin } from "../runtime.ts";
import { prepareTypeScript } from "./type_stripping.ts";

/** Where a command reads and writes. */
export interface Terminal {
  /** The bytes of a file; of standard input for "-". */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Writes a file. */
  write(path: string, text: string): void;
  /** Imports a module by its path. */
  load(path: string): Promise<Record<string, unknown>>;
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
}

interface FileSystem {
  createReadStream(path: string): AsyncIterable<Uint8Array>;
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string): void;
}

interface Process {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: { write(text: string): void };
  readonly stderr: { write(text: string): void };
}

/** A module of Node, without which there is no command. */
export function required<T>(name: string): T {
  const module = builtin<T>(name);
  if (module === undefined) {
    throw new TypeError(
      `Cannot run the command weir as this runtime has no ${name}: use Node 20.16, Bun or Deno`,
    );
  }
  return module;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const fs = required<FileSystem>("node:fs");
  const process = required<Process>("node:process");
  const { resolve } = required<{ resolve(path: string): string }>("node:path");
  const { pathToFileURL } = required<{ pathToFileURL(path: string): URL }>("node:url");
  function importModule(file: string): Promise<Record<string, unknown>> {
    prepareTypeScript(file);
    return import(pathToFileURL(file).href);
  }
  return {
    read: (path) => path === "-" ? process.stdin : fs.createReadStream(path),
    write: (path, text) => fs.writeFileSync(path, text),
    load: async (path) =>
      path.endsWith(".json")
        ? { default: JSON.parse(fs.readFileSync(path, "utf8")) }
        : await importModule(resolve(path)),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}
