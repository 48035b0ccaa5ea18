/**
 * The interface of a log format.
 *
 * @module
 */

/** The kind of a line: a request, a broken line, or a line that belongs to the format, such as a heading. */
export type LineKind = "request" | "broken" | "other";

/** The request of one line. One object is filled again for each line, as a log has millions of them. */
export interface Entry {
  /** When the request began, epoch ms. */
  at: number;
  method: string;
  url: string;
  /** As the log has it; "" where it has none. */
  address: string;
  /** 0 where none is known. */
  status: number;
  /** -1 where none is known. */
  durationMs: number;
  /** Null where none is known. */
  userAgent: string | null;
  /** Null where none is known. */
  user: string | null;
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
    address: "",
    status: 0,
    durationMs: -1,
    userAgent: null,
    user: null,
  };
}
