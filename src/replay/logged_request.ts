/**
 * A request as an access log has it.
 *
 * @module
 */

import type { Identity } from "../context.ts";

/** A request as an access log has it. */
export interface LoggedRequest {
  /** When it began, epoch ms. */
  at: number;
  /** The method, as it was sent. */
  method: string;
  /**
   * The address that was asked for, with `http://localhost` before it where the log names no host. Bytes that a server
   * escaped are percent-encoded.
   */
  url: string;
  /**
   * The client's address; null where the log has none. `readLog()` gives canonical text; `replay()` and `suggest()` take any
   * spelling, with a port too, and a name in its place, such as a pseudonym.
   */
  address: string | null;
  /** The status of the response, where one was sent. */
  status?: number;
  /** The size of the response in bytes, under 4 GB. Some servers count its headers as well. */
  bytes?: number;
  /** How long the request lasted, ms. */
  durationMs?: number;
  /** The `User-Agent` header. */
  userAgent?: string;
  /** The user that the log names. nginx writes the name of Basic credentials that nothing has checked. */
  identity?: Identity;
  /** Further headers, by names in lower case: `x-api-key` where the log has API keys. */
  headers?: Record<string, string>;
}

/** A line that held no request. */
export interface BrokenLine {
  /** Its number in its source, from 1. */
  line: number;
  /** Its first 200 characters. */
  text: string;
}

/** How the reading of a log went. It is complete when the last request has been read. */
export interface LogSummary {
  /** Lines of all sources. */
  readonly lines: number;
  /** Lines that are requests. */
  readonly requests: number;
  /** Lines that are none: a user agent with a newline, a connection without a request, a line that was cut off. */
  readonly broken: number;
  /** The first of the broken lines, at most five. */
  readonly samples: readonly BrokenLine[];
  /** The format of each source, in their order. */
  readonly formats: readonly string[];
  /** Requests without the address of a client. */
  readonly withoutAddress: number;
  /** Are all times whole seconds? Requests of one second then count as simultaneous. */
  readonly wholeSeconds: boolean;
  /** When the first request began, epoch ms; null where there is none. */
  readonly from: number | null;
  /** When the last request began, epoch ms; null where there is none. */
  readonly to: number | null;
}
