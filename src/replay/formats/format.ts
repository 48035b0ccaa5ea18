/**
 * The interface of a log format.
 *
 * @module
 */

import type { Targets } from "../texts.ts";

/** The kind of a line: a request, a broken line, or a line that belongs to the format, such as a heading. */
export type LineKind = "request" | "broken" | "other";

/** The request of one line. One object is filled again for each line, as a log has millions of them. */
export interface Entry {
  /** When the request began, epoch ms. */
  at: number;
  method: string;
  url: string;
  /** The number of both, where the reader knows it; else -1. */
  target: number;
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
  /**
   * Begins to read a source. A reader keeps its own state of earlier lines (a heading, the last time).
   *
   * @param targets The targets of the whole log.
   */
  open(targets: Targets): LineReader;
}

/** A new entry. */
export function newEntry(): Entry {
  return {
    at: 0,
    method: "",
    url: "",
    target: -1,
    address: "",
    status: 0,
    bytes: -1,
    durationMs: -1,
    userAgent: null,
    user: null,
    apiKey: null,
  };
}
