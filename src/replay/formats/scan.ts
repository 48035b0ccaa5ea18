/**
 * Parts of lines that several formats have, found by plain scanning.
 *
 * @module
 */

import { copyOf, type Targets } from "../texts.ts";
import type { Entry } from "./format.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where a quoted text ends: the next quote that no backslash escapes; -1 where there is none. */
export function endOfQuoted(line: string, from: number): number {
  for (let end = line.indexOf('"', from); end !== -1; end = line.indexOf('"', end + 1)) {
    let slashes = 0;
    while (line.charCodeAt(end - 1 - slashes) === BACKSLASH && end - 1 - slashes >= from) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v" };

/** A quoted text without the escapes of nginx, Apache and lighttpd. */
export function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(?:x([0-9A-Fa-f]{2})|(.))/gs,
    (_, hex, letter) => hex ? String.fromCharCode(parseInt(hex, 16)) : ESCAPES[letter] ?? letter,
  );
}

/** A target of a request without escapes: the bytes that a server escaped are percent-encoded, as clients are to send them. */
function withoutEscapes(target: string): string {
  if (!target.includes("\\")) return target;
  return target.replace(/\\x([0-9A-Fa-f]{2})/g, (_, hex) => `%${hex.toUpperCase()}`)
    .replace(/\\(["\\])/g, (_, letter) => encodeURIComponent(letter));
}

/**
 * Is this a method, a token in the letters that methods have? "-" alone is none: so a load balancer writes one that it
 * could not read.
 */
function isMethod(text: string): boolean {
  if (text.length === 0 || text.length > 32 || text === "-") return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isLetter = (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
    if (!isLetter && unit !== 0x2d && unit !== 0x5f) return false;
  }
  return true;
}

/** The URL of a target and a host; null where a target is none of a handler. */
function urlOf(target: string, host: string, scheme: string): string | null {
  const first = target.charCodeAt(0);
  if (first === 0x2f) return `${scheme}://${host || "localhost"}${withoutEscapes(target)}`;
  if (target === "*") return `${scheme}://${host || "localhost"}/*`;
  return /^https?:\/\/[^/?#]/i.test(target) ? withoutEscapes(target) : null;
}

/**
 * Sets the method and the URL of an entry.
 *
 * @returns Are they those of a request? Otherwise the entry stays as it was.
 */
export function setTarget(
  entry: Entry,
  method: string,
  target: string,
  host: string,
  scheme = "http",
): boolean {
  const url = isMethod(method) ? urlOf(target, host, scheme) : null;
  if (url === null) return false;
  entry.method = method;
  entry.url = url;
  return true;
}

/**
 * Reads a request line, as in `GET /path HTTP/1.1`.
 *
 * @returns Is it one?
 */
export function readRequestLine(
  line: string,
  start: number,
  end: number,
  host: string,
  entry: Entry,
): boolean {
  const space = line.indexOf(" ", start);
  if (space === -1 || space >= end) return false;
  const method = line.slice(start, space);
  const last = line.lastIndexOf(" ", end - 1);
  const hasVersion = last > space && line.startsWith("HTTP/", last + 1);
  return setTarget(entry, method, line.slice(space + 1, hasVersion ? last : end), host);
}

/** How many request lines a reader remembers. */
const REMEMBERED = 1 << 13;

/** Reads the request lines of a log, in which most stand many times. */
export function requestLineReader(targets: Targets): typeof readRequestLine {
  const known = new Map<string, number>();
  return (line, start, end, host, entry) => {
    const text = line.slice(start, end);
    const name = host === "" ? text : `${host} ${text}`;
    let target = known.get(name);
    if (target === undefined) {
      if (!readRequestLine(text, 0, text.length, host, entry)) return false;
      if (known.size >= REMEMBERED) known.clear();
      target = targets.numberOf(entry.method, entry.url);
      known.set(copyOf(name), target);
    }
    entry.target = target;
    return true;
  };
}

/** An address with a port after it, without the port: the last colon divides them, as some write no brackets. */
export function withoutPort(text: string): string {
  const colon = text.lastIndexOf(":");
  const host = colon === -1 ? text : text.slice(0, colon);
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** A header's value; null for "-" and "", which stand for none. */
export function valueOrNull(text: string): string | null {
  return text === "-" || text === "" ? null : text;
}

/** A whole number of at least 0 at an index of a line; -1 where there is none. */
export function wholeAt(line: string, from: number): number {
  let value = -1;
  for (let i = from; i < line.length; i++) {
    const digit = line.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) break;
    value = (value < 0 ? 0 : value) * 10 + digit;
  }
  return value;
}

/** A size in bytes as text or number; -1 where it is none: "-", and "+702" of a response that is not complete. */
export function sizeOf(value: unknown): number {
  const size = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof size === "number" && size >= 0 ? size : -1;
}

/** Is the character at an index a quote? */
export function isQuoteAt(line: string, index: number): boolean {
  return line.charCodeAt(index) === QUOTE;
}
