/**
 * The parts of its process that a command uses.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { builtin, surroundings } from "../runtime.ts";
import { prepareTypeScript } from "./type_stripping.ts";

/** Where a command reads and writes. */
export interface Terminal {
  /** The bytes of a file; of standard input for "-". A chunk is valid until the next one is asked for. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Writes a file. */
  write(path: string, text: string): void;
  /** Imports a module by its path. */
  load(path: string): Promise<Record<string, unknown>>;
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** The size of a file; absent, or NaN, where nobody knows. */
  bytes?(path: string): number;
  /** Writes a line over the last one that it wrote, where standard error is a terminal; absent elsewhere. */
  status?(text: string): void;
  /** Does standard output show colours? Default: no. */
  readonly isColoured?: boolean;
}

/** A larger text would leave the part of the heap in which new ones cost next to nothing. */
const CHUNK_BYTES = 1 << 16;

interface FileSystem {
  openSync(path: string): number;
  readSync(file: number, buffer: Uint8Array): number;
  closeSync(file: number): void;
  statSync(path: string): { readonly size: number; isFile(): boolean };
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string): void;
}

/** Asks the system for something about a file, and says the file's name where it fails. */
function asked<T>(
  path: string,
  ask: (path: string) => T,
  what = "read this file",
  why = "the system does not give it",
): T {
  try {
    return ask(path);
  } catch (error) {
    const reason = (error as Error).message.replace(/, \w+ '.*'$/s, "");
    throw new Error(cannot(what, `${why} (${reason})`, path));
  }
}

/** The size of a file. A pipe, such as `<(zcat access.log.gz)` of a shell, says that it has 0 bytes. */
function sizeOf(path: string, fs: FileSystem): number {
  const file = asked(path, fs.statSync);
  return file.isFile() ? file.size : NaN;
}

/**
 * Reads a file into one buffer again and again: a thread and a new buffer for each chunk take more time than the
 * system's reading.
 */
async function* chunksOf(path: string, fs: FileSystem): AsyncIterable<Uint8Array> {
  const file = asked(path, fs.openSync);
  try {
    const buffer = new Uint8Array(CHUNK_BYTES);
    // A folder can be opened, and not read.
    const next = (): number => asked(path, () => fs.readSync(file, buffer));
    for (let length = next(); length > 0; length = next()) {
      yield buffer.subarray(0, length);
    }
  } finally {
    fs.closeSync(file);
  }
}

interface Process {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

interface Stream {
  write(text: string): void;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A module of Node, without which there is no command. */
export function required<T>(name: string): T {
  const module = builtin<T>(name);
  if (module === undefined) {
    throw new TypeError(
      `Cannot run the command weir as this runtime has no ${name}: use Node 20.19, Bun or Deno`,
    );
  }
  return module;
}

/** A line that is wider than the terminal could not be written over. */
function showStatus(stream: Stream, text: string): void {
  stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}`);
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
    read: (path) => path === "-" ? process.stdin : chunksOf(path, fs),
    write: (path, text) =>
      asked(path, () => fs.writeFileSync(path, text), "write this file", "the system does not take it"),
    load: async (path) =>
      path.endsWith(".json")
        // Some editors begin a file with a mark of its byte order.
        ? { default: JSON.parse(fs.readFileSync(path, "utf8").replace(/^\uFEFF/, "")) }
        : await importModule(resolve(path)),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    bytes: (path) => path === "-" ? NaN : sizeOf(path, fs),
    ...process.stderr.isTTY === true ? { status: (text) => showStatus(process.stderr, text) } : {},
    isColoured: process.stdout.isTTY === true && (surroundings.env("NO_COLOR") ?? "") === "",
  };
}
