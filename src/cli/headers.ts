/**
 * The headers that a command is given.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { hidden } from "../options.ts";
import { type OptionsOf, UsageError } from "./command.ts";

/** The values of {@link HEADERS}. */
export interface HeadersValues {
  readonly header?: readonly string[];
}

/** The options of each command that takes headers. */
export const HEADERS: OptionsOf<HeadersValues> = {
  header: {
    type: "string",
    multiple: true,
    hint: "'NAME: VALUE'",
    help: "a header of the request; may be given several times",
  },
};

/**
 * Reads "name: value".
 *
 * @param command The name of the command.
 * @throws {UsageError} When a header is none. It is not shown, as it may be a secret.
 */
export function headersOf(command: string, { header = [] }: HeadersValues): Headers {
  const headers = new Headers();
  for (const line of header) {
    const [, name, value] = /^([^:]+):(.*)$/s.exec(line) ?? [];
    try {
      headers.append(name ?? "", (value ?? "").trim());
    } catch {
      const why = '--header must be a header such as "name: value"';
      throw new UsageError(cannot(`run weir ${command}`, why, line, hidden(line)));
    }
  }
  return headers;
}
