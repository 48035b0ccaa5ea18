/**
 * Access logs, read as the requests that they record.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { OBJECT, oneOf, requireOptions } from "../options.ts";
import { END_OF_TIME } from "../rejections/utc_text.ts";
import { EACH, type Visitable } from "./each_request.ts";
import { Entries } from "./entries.ts";
import { alb } from "./formats/alb.ts";
import { caddy } from "./formats/caddy.ts";
import { cloudflare } from "./formats/cloudflare.ts";
import { cloudfront } from "./formats/cloudfront.ts";
import { combined } from "./formats/combined.ts";
import { envoy } from "./formats/envoy.ts";
import { type LineReader, type LogFormat, newEntry } from "./formats/format.ts";
import { haproxy } from "./formats/haproxy.ts";
import { json, jsonWith, LOG_FIELDS, type LogFields } from "./formats/json.ts";
import { traefik } from "./formats/traefik.ts";
import { traefikJson } from "./formats/traefik_json.ts";
import { vercel } from "./formats/vercel.ts";
import { weir } from "./formats/weir.ts";
import { linesOf, type LogSource } from "./lines.ts";
import { Targets } from "./texts.ts";
import type { BrokenLine, LoggedRequest, LogSummary } from "./logged_request.ts";

/** The formats. Of two that read equally many of the first lines, the earlier is taken: it knows more of them. */
const FORMATS: readonly LogFormat[] = [
  ...[traefik, combined, haproxy, envoy, alb, cloudfront],
  ...[caddy, traefikJson, cloudflare, vercel, weir, json],
];

/** How many lines a format is found by. */
const FIRST_LINES = 200;

/** How many lines without a request are read before a log counts as not understood. */
const MAX_FIRST_LINES = 20_000;

const MAX_SAMPLES = 5;

/** Options of {@link readLog}. */
export interface ReadLogOptions {
  /**
   * The format of all sources: "combined" (the common format too, Apache, nginx, lighttpd, HAProxy's `clf`), "haproxy", "traefik",
   * "traefik-json", "envoy", "alb", "cloudfront", "caddy", "cloudflare", "vercel", "weir" (our own `logTo`), or "json" with
   * the usual names. Default: found by the first lines of each source.
   */
  format?: string;
  /**
   * The names of the members of JSON, where they are none of the usual ones. The format is then "json". Default: the
   * usual ones.
   */
  fields?: LogFields;
}

/** The requests of a log, and how the reading went. */
export type LoggedRequests = AsyncIterable<LoggedRequest> & {
  /** How the reading went so far. */
  readonly summary: LogSummary;
};

/** The counts and samples from reading all sources. */
class Reading implements LogSummary {
  lines = 0;
  broken = 0;
  readonly samples: BrokenLine[] = [];
  readonly formats: string[] = [];
  readonly entries: Entries;

  constructor(keepsBytes: boolean) {
    this.entries = new Entries(keepsBytes);
  }

  get requests(): number {
    return this.entries.length;
  }

  get withoutAddress(): number {
    return this.entries.withoutAddress;
  }

  get wholeSeconds(): boolean {
    return this.requests > 0 && this.entries.wholeSeconds;
  }

  from: number | null = null;
  to: number | null = null;
}

/** The format that reads the most of the first of some lines; null where none reads any. */
function formatOf(all: readonly string[]): LogFormat | null {
  const lines = all.slice(0, MAX_FIRST_LINES); // there may be a whole log in one chunk
  let best: LogFormat | null = null;
  let most = 0;
  const entry = newEntry();
  for (const format of FORMATS) {
    const read = format.open(new Targets());
    const found = lines.filter((line) => read(line, entry) === "request").length;
    if (found > most) {
      most = found;
      best = format;
    }
  }
  return best;
}

function notUnderstood(lines: readonly string[]): TypeError {
  const first = lines.find((line) => line.trim() !== "") ?? "";
  const names = FORMATS.map(({ name }) => name).join(", ");
  const remedy = first.trimStart().startsWith("{")
    ? "; where its JSON has other names, say which by --field start=NAME --field address=NAME --field url=NAME (in code, `fields`)"
    : "";
  return new TypeError(
    cannot(
      "read this log",
      `none of its first lines is a request in a format that is known (${names})${remedy}`,
      first.slice(0, 300),
    ),
  );
}

/** The format that the options name; null where the lines are to say. */
function givenFormat(options: ReadLogOptions): LogFormat | null {
  requireOptions(
    options,
    { format: oneOf(...FORMATS.map(({ name }) => name)), fields: OBJECT },
    "read a log",
  );
  const { format, fields } = options;
  if (fields === undefined) return FORMATS.find(({ name }) => name === format) ?? null;
  requireOptions(fields, LOG_FIELDS, "read a log", "fields");
  if (format === undefined || format === "json") return jsonWith(fields);
  throw new TypeError(cannot("read a log", 'fields are those of the format "json"', format));
}

function requireSource(source: LogSource): void {
  if (typeof source?.[Symbol.asyncIterator] === "function") return;
  const demand = "each source must be an async iterable of bytes or text, such as the stream of a file";
  throw new TypeError(cannot("read a log", demand, source));
}

/** Reads one source to its end. */
async function readSource(source: LogSource, given: LogFormat | null, reading: Reading): Promise<void> {
  const entry = newEntry();
  let read: LineReader | null = null;
  let number = 0;
  let first: string[] = [];

  function readLines(lines: readonly string[]): void {
    for (const line of lines) {
      reading.lines++;
      number++;
      const kind = (read as LineReader)(line, entry);
      // A time that no Date can hold is no time.
      if (kind === "request" && Math.abs(entry.at) <= END_OF_TIME) reading.entries.add(entry);
      else if (kind !== "other") {
        reading.broken++;
        if (reading.samples.length < MAX_SAMPLES) {
          reading.samples.push({ line: number, text: line.slice(0, 200) });
        }
      }
    }
  }

  /** @param found The format of the last lines, where it is known. */
  function open(found: LogFormat | null): void {
    const format = given ?? formatOf(first) ?? found;
    if (format === null) throw notUnderstood(first);
    reading.formats.push(format.name);
    read = format.open(reading.entries.targets);
    readLines(first);
    first = [];
  }

  for await (const lines of linesOf(source)) {
    if (read !== null) readLines(lines);
    else {
      first = first.concat(lines); // not by `push`: a call takes fewer arguments than a chunk may have lines
      if (first.length < FIRST_LINES) continue;
      const found = given ?? formatOf(lines);
      // A long list of broken lines may stand at the beginning.
      if (found !== null || first.length >= MAX_FIRST_LINES) open(found);
    }
  }
  // An empty file is one that nobody has asked anything of yet.
  if (read === null && first.some((line) => line !== "")) open(null);
}

/**
 * Reads access logs as the requests that they record, in the order in which those began.
 *
 * The time of a request is its start: where a log has the time of the end and the duration, that is taken off. Requests of one time
 * stay in the order of the lines. Lines that are no request are counted, never fatal. All requests are held until the
 * last line is read, some ten bytes each, as logs are written in the order of ends and rotated files come in any.
 *
 * @param source A log, or several to merge by time: each chunks of bytes or text, packed with gzip or, where the runtime can, zstd.
 * @param options See {@link ReadLogOptions}.
 * @returns The requests; `summary` has the counts of lines and the first broken ones.
 * @throws {TypeError} When there is no such format, or a source is none. While reading: when no line of a log is understood.
 *
 * @example
 * ```ts
 * import { readLog } from "@weir/throttle/replay";
 * import { equal } from "node:assert/strict";
 *
 * const text = '192.0.2.1 - - [29/Nov/2026:04:30:20 +0000] "GET /page?q=1 HTTP/1.1" 200 261 "-" "curl/8"\n';
 * const requests = readLog((async function* () {
 *   yield text;
 * })());
 * for await (const { url, address } of requests) {
 *   equal(`${address} ${url}`, "192.0.2.1 http://localhost/page?q=1");
 * }
 * equal(requests.summary.broken, 0);
 * ```
 */
export function readLog(
  source: LogSource | readonly LogSource[],
  options: ReadLogOptions = {},
): LoggedRequests {
  const given = givenFormat(options);
  const sources = Array.isArray(source) ? source as readonly LogSource[] : [source as LogSource];
  for (const each of sources) requireSource(each);
  let reading = new Reading(false);

  /** Reads all lines. */
  async function readAll(keepsBytes: boolean): Promise<Entries> {
    const current = new Reading(keepsBytes);
    reading = current;
    for (const each of sources) await readSource(each, given, current);
    const { entries } = current;
    entries.finish();
    if (entries.length > 0) {
      current.from = entries.at(0);
      current.to = entries.at(entries.length - 1);
    }
    return entries;
  }

  async function* requests(): AsyncGenerator<LoggedRequest> {
    const entries = await readAll(true);
    for (let i = 0; i < entries.length; i++) yield entries.get(i);
  }

  const log: LoggedRequests & Visitable = {
    [Symbol.asyncIterator]: requests,
    [EACH]: async (visit) => await (await readAll(false)).visit(visit),
    get summary(): LogSummary {
      const { lines, broken, samples, formats, withoutAddress, wholeSeconds, from, to } = reading;
      return {
        lines,
        requests: reading.requests,
        broken,
        samples,
        formats,
        withoutAddress,
        wholeSeconds,
        from,
        to,
      };
    },
  };
  return log;
}
