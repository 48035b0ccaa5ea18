/**
 * The interface of a log format.
 *
 * @module
 */

/** The kind of a line: a request, a broken line, or a line that belongs to the format, such as a heading. */
export type LineKind = "request" | "broken" | "other";

/** A method and a URL that a reader has met before. */
export interface KnownTarget {
  readonly method: string;
  readonly url: string;
  /** Its number among all requests of the log; -1 until there is one. */
  number: number;
}

/** The request of one line. One object is filled again for each line, as a log has millions of them. */
export interface Entry {
  /** When the request began, epoch ms. */
  at: number;
  method: string;
  url: string;
  /** Both again, where the reader remembers them; else null. */
  target: KnownTarget | null;
  /** As the log has it; "" where it has none. */
  address: string;
  /** 0 where none is known. */
  status: number;
  /** The size of the response; -1 where none is known. */
  bytes: number;
  /** -1 where none is known. */
  durationMs: number;
  /** Null where none is known. */
  userAgent: string | null;
  /** Null where none is known. */
  user: string | null;
  /** Null where none is known. */
  apiKey: string | null;
}

/** Reads one line. */
export type LineReader = (line: string, entry: Entry) => LineKind;

/** A way in which servers write access logs. */
export interface LogFormat {
  /** Its name, as `format` takes it. */
  readonly name: string;
  /** Begins to read a source. A reader keeps its own state of earlier lines (a heading, the last time). */
  open(): LineReader;
}

/** A new entry. */
export function newEntry(): Entry {
  return {
    at: 0,
    method: "",
    url: "",
    target: null,
    address: "",
    status: 0,
    bytes: -1,
    durationMs: -1,
    userAgent: null,
    user: null,
    apiKey: null,
  };
}
