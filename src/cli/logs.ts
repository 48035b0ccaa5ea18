/**
 * The logs that a command reads.
 *
 * @module
 */

import { type LoggedRequests, readLog } from "../replay/read_log.ts";
import { type OptionsOf, UsageError } from "./command.ts";
import { grouped } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The values of {@link LOGS}. */
export interface LogsValues {
  readonly format?: string;
}

/** The options of each command that reads logs. */
export const LOGS: OptionsOf<LogsValues> = {
  format: {
    type: "string",
    hint: "NAME",
    help: "the format of the logs; without it their first lines say",
  },
};

/**
 * Reads logs.
 *
 * @param command The name of the command.
 * @param paths Files, or "-" for standard input; several are merged by time.
 * @throws {UsageError} When there is none.
 */
export function readLogs(
  command: string,
  paths: readonly string[],
  { format }: LogsValues,
  terminal: Terminal,
): LoggedRequests {
  if (paths.length === 0) {
    throw new UsageError(`weir ${command} needs a log: a file, or - for standard input`);
  }
  return readLog(paths.map((path) => terminal.read(path)), format === undefined ? {} : { format });
}

/** The lines above a table: how much of the log was read. */
export function readingText({ summary }: LoggedRequests): string {
  const { requests, broken, samples, formats } = summary;
  const first = samples.length === 0
    ? ""
    : `; the first, line ${samples[0].line}: ${JSON.stringify(samples[0].text.slice(0, 80))}`;
  const ignored = broken === 0 ? "" : `${grouped(broken)} lines are no request${first}\n`;
  return `${grouped(requests)} requests (${[...new Set(formats)].join(", ") || "no lines"})\n${ignored}`;
}
