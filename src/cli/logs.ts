/**
 * The logs that a command reads.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { things } from "../dashboard/number_text.ts";
import { EACH, type Visitable } from "../replay/each_request.ts";
import type { LogSource } from "../replay/lines.ts";
import { type LoggedRequests, readLog } from "../replay/read_log.ts";
import { type OptionsOf, UsageError } from "./command.ts";
import { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** How many requests are decided between two looks at the clock. */
const MANY = 1 << 14;

/** The values of {@link LOGS}. */
export interface LogsValues {
  readonly format?: string;
  readonly field?: readonly string[];
}

/** The options of each command that reads logs. */
export const LOGS: OptionsOf<LogsValues> = {
  format: {
    type: "string",
    hint: "NAME",
    help: "the format of the logs; without it their first lines say",
  },
  field: {
    type: "string",
    multiple: true,
    hint: "NAME=MEMBER",
    help: "the member of a JSON log that has the address, start, apiKey ...; may be given several times",
  },
};

/** The fields of JSON that were named. */
function fieldsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const [, name, member] = /^(\w+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined) throw new UsageError(cannot("use --field", "it must be NAME=MEMBER", pair));
    return [name, member];
  }));
}

/** Logs that a command reads, and the bar that shows how far it is. */
export interface ReadLogs {
  readonly log: LoggedRequests;
  /** Takes the bar away. */
  end(): void;
}

/** A log whose reading and visits are shown. */
function watched(
  sources: readonly { readonly source: LogSource; readonly bytes: number }[],
  read: (sources: readonly LogSource[]) => LoggedRequests,
  progress: Progress,
): LoggedRequests {
  const whole = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  const log: LoggedRequests & Partial<Visitable> = read(sources.map(({ source }) => ({
    async *[Symbol.asyncIterator]() {
      for await (const chunk of source) {
        yield chunk;
        bytes += chunk.length;
        progress.report("reading ", log.summary.lines, bytes / whole);
      }
    },
  })));
  const each = log[EACH] as Visitable[typeof EACH];
  let done = 0;
  return Object.defineProperty(log, EACH, {
    value: (visit: Parameters<typeof each>[0]) =>
      each((...visited) => {
        if (++done % MANY === 0) progress.report("deciding", done, done / log.summary.requests);
        return visit(...visited);
      }),
  });
}

/**
 * Reads logs.
 *
 * @param command The name of the command.
 * @param paths Files, or "-" for standard input; several are merged by time.
 * @throws {UsageError} When there is none, or a field is misspelt.
 */
export function readLogs(
  command: string,
  paths: readonly string[],
  { format, field }: LogsValues,
  terminal: Terminal,
): ReadLogs {
  if (paths.length === 0) {
    throw new UsageError(`weir ${command} needs a log: a file, or - for standard input`);
  }
  const options = {
    ...format === undefined ? {} : { format },
    ...field === undefined ? {} : { fields: fieldsOf(field) },
  };
  const read = (sources: readonly LogSource[]): LoggedRequests => readLog(sources, options);
  if (terminal.status === undefined) {
    return { log: read(paths.map((path) => terminal.read(path))), end: () => {} };
  }
  const progress = new Progress(terminal.status);
  const sources = paths.map((path) => ({
    source: terminal.read(path),
    bytes: terminal.bytes?.(path) ?? NaN,
  }));
  return { log: watched(sources, read, progress), end: () => progress.end() };
}

/** The lines above a table: how much of the log was read. */
export function readingText({ summary }: LoggedRequests): string {
  const { requests, broken, samples, formats } = summary;
  const first = samples.length === 0
    ? ""
    : `; the first, line ${samples[0].line}: ${JSON.stringify(samples[0].text.slice(0, 80))}`;
  const ignored = broken === 0
    ? ""
    : `${things(broken, "line")} ${broken === 1 ? "is" : "are"} no request${first}\n`;
  return `${things(requests, "request")} (${[...new Set(formats)].join(", ") || "no lines"})\n${ignored}`;
}
