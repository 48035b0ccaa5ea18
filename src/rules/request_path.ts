/**
 * The path of a request, in every reading of a router. A router with a reading that the rules lack could run
 * a handler without counting.
 *
 * @module
 */

import {
  BACKSLASH,
  decode,
  DOT,
  type Found,
  PERCENT,
  QUESTION_MARK,
  resolve,
  SLASH,
  withSlashes,
} from "./path_bytes.ts";

/** The characters that decodeURI keeps encoded, and "%", which Hono keeps too. */
const RESERVED = ";/?:@&=+$,#%";

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder();

/**
 * Lower case, also for letters with three forms: letters that regular expressions with the flag "i" treat as
 * equal become equal. Every sigma becomes the same letter, since patterns are folded segment by segment.
 */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(lower)) return lower;
  return lower.toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** Collapses doubled slashes and removes a slash at the end. */
export function collapse(path: string): string {
  const single = path.replace(/\/{2,}/g, "/");
  return single.length > 1 && single.endsWith("/") ? single.slice(0, -1) : single;
}

/**
 * The path of a URL that every reader agrees on. It runs for each request.
 *
 * @param url The URL from the server, resolved or not.
 * @param folds Fold the path, and remove a slash at its end?
 * @returns Null if readers may differ.
 */
export function plainPath(url: string, folds: boolean): string | null {
  if (!url.startsWith("http")) return null;
  const authority = url.charCodeAt(4) === 0x3a ? 7 : 8; // after "http://" or "https://"
  let start = authority;
  for (; start < url.length; start++) {
    const code = url.charCodeAt(start);
    if (code === SLASH) break;
    // Readers disagree whether these end the authority: "#" and all characters below it, "?", and the
    // backslash.
    if (code < 0x24 || code === QUESTION_MARK || code === BACKSLASH) return null;
  }
  if (start === authority || start === url.length || start < ELYSIA_START) return null;
  let end = start;
  let previous = 0;
  let isCased = false;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code > 0x60 && code < 0x7b) {
      // A lower-case letter.
    } else if (code === SLASH || code === DOT) {
      if (previous === SLASH) return null;
    } else if (code > 0x3f && code < 0x5b) {
      isCased = true;
    } else if (code === QUESTION_MARK) {
      break;
    } else {
      // Digits, and the marks without a meaning in a path: neither "%", "\\" nor "#", nor characters that
      // URLs encode.
      const isPlain = code > 0x23 && code < 0x3c && code !== PERCENT || code === 0x5f || code === 0x3d ||
        code === 0x7e || code === 0x21;
      if (!isPlain) return null;
    }
    previous = code;
  }
  if (!folds) return url.slice(start, end);
  const path = url.slice(start, previous === SLASH && end - start > 1 ? end - 1 : end);
  return isCased ? path.toLowerCase() : path;
}

/** "http://host/", if all readers agree on its end. */
const AUTHORITY = /^https?:\/\/[\w.:[\]-]+\//;

/** Elysia searches for the path from this index on: it expects a host of at least four letters. */
const ELYSIA_START = 11;

/**
 * The path, cut out of the URL as servers and routers do it: Deno.serve and workerd pass the client's text
 * unchanged, and Bun passes a path without an origin if it refuses the Host. Some routers remove a fragment, some
 * do not.
 */
function writtenPaths(url: string): readonly string[] {
  const first = url.indexOf("/", url.indexOf("://") + 3);
  const starts = new Set([first]);
  if (first !== -1 && first < ELYSIA_START) starts.add(url.indexOf("/", ELYSIA_START));
  if (url.startsWith("/")) starts.add(0).add(url.indexOf("/", url.indexOf(":") + 4)); // h3, Hono
  return [...starts].flatMap((start) => {
    if (start === -1) return ["/"];
    const query = url.indexOf("?", start);
    const path = query === -1 ? url.slice(start) : url.slice(start, query);
    const fragment = path.indexOf("#");
    return fragment === -1 ? [path] : [path, path.slice(0, fragment)];
  });
}

/** The path of a URL by the URL standard; null if the URL is invalid. */
function standardPath(url: string): string | null {
  try {
    const { pathname } = new URL(url);
    return pathname.startsWith("/") ? pathname : null;
  } catch {
    return null;
  }
}

/** The length and depth of a path that patterns without regular expressions can distinguish. */
export interface Extent {
  /** The number of segments of the longest pattern. */
  readonly depth: number;
  /** The length of the longest literal segment, in characters; infinite where segments are compared to their end. */
  readonly width: number;
}

/**
 * The path with collapsed slashes, cut to an extent: at most one segment more than the longest pattern, and
 * segments just longer than the longest literal. So the expressions read little, however long the path is.
 *
 * @param filled Insert a character between doubled slashes, as an empty parameter?
 */
function outline(bytes: Uint8Array, { depth, width }: Extent, filled: boolean): string {
  const most = 4 * width + 4; // bytes per segment: a character has at most four
  const result = new Uint8Array(Math.min(2 * bytes.length, (depth + 1) * (most + 1)) + 1);
  let length = 0;
  let segments = 0;
  for (let i = 0; i < bytes.length;) {
    if (bytes[i] === SLASH) {
      i++;
      if (length > 0 && result[length - 1] === SLASH) {
        if (!filled) continue;
        result[length++] = 0x2d;
      }
      if (segments++ > depth) break;
      result[length++] = SLASH;
    } else {
      const found = bytes.indexOf(SLASH, i);
      const end = found === -1 ? bytes.length : found;
      for (const stop = Math.min(end, i + most); i < stop; i++) result[length++] = bytes[i];
      i = end;
    }
  }
  if (length > 1 && result[length - 1] === SLASH) length--;
  return fold(decoder.decode(result.subarray(0, length)));
}

/** A short path with a single reading, like most paths with spaces and non-ASCII letters. */
const SINGLE_READING =
  /^https?:\/\/[\w.:[\]-]+((?:\/(?!\.)(?:[\w.!$&'()*+,:;=@~-]|%(?!2[3ef]|3f|5c)[0-9a-f]{2})+)+\/?)(?:\?|$)/i;

/** The path of such a URL, decoded by the engine, which is fastest; null for other URLs. */
function decodedByEngine(url: string): string | null {
  if (url.length > 300) return null;
  const [, path] = SINGLE_READING.exec(url) ?? [];
  if (path === undefined || url.indexOf("/", 8) < ELYSIA_START) return null;
  try {
    return fold(decodeURIComponent(path.endsWith("/") ? path.slice(0, -1) : path));
  } catch {
    return null;
  }
}

/** Adds all readings of a text. */
function addFolded(paths: Set<string>, text: string, extent: Extent): Found {
  const buffer = encoder.encode(text);
  const found = decode(buffer, true);
  const bytes = buffer.subarray(0, found.length);
  paths.add(outline(bytes, extent, false));
  const resolved = found.unresolved === -1 ? bytes : resolve(bytes, found.unresolved);
  if (resolved !== bytes) paths.add(outline(resolved, extent, false));
  paths.add(outline(resolved, extent, true));
  if (found.slash !== -1) {
    const first = found.unresolved === -1 ? found.slash : Math.min(found.unresolved, found.slash);
    const slashed = withSlashes(bytes, found.slash);
    // No backslash is left, so without a dot there is nothing to resolve.
    const isResolved = found.unresolved === -1 && !slashed.includes(DOT);
    paths.add(outline(isResolved ? slashed : resolve(slashed, first), extent, false));
  }
  return found;
}

/**
 * All readings of a URL's path, decoded, folded and collapsed: with dot segments resolved, as `new URL` does,
 * and unresolved; with encoded slashes kept, and as slashes.
 *
 * @param url The URL from the server, resolved or not.
 * @param extent The relevant part of the path.
 */
export function foldedPaths(url: string, extent: Extent): Iterable<string> {
  const simple = decodedByEngine(url);
  if (simple !== null) return [simple];
  const paths = new Set<string>();
  let isOdd = !AUTHORITY.test(url);
  for (const text of writtenPaths(url)) isOdd = addFolded(paths, text, extent).hasControls || isOdd;
  if (isOdd) {
    const standard = standardPath(url);
    if (standard !== null) addFolded(paths, standard, extent);
  }
  return paths;
}

/**
 * All readings of a URL's path that keep its letters and slashes: decoded, decoded as Hono does, and not
 * decoded.
 *
 * @param url The URL from the server, resolved or not.
 */
export function spelledPaths(url: string): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const text of new Set([standardPath(url), ...writtenPaths(url)])) {
    if (text === null) continue;
    for (const kept of ["", RESERVED]) {
      const bytes = encoder.encode(text);
      paths.add(decoder.decode(bytes.subarray(0, decode(bytes, false, kept).length)));
    }
    paths.add(text);
  }
  return paths;
}

/** Decodes literal text of a pattern like {@link foldedPaths} and {@link spelledPaths}. */
export function decoded(text: string): string {
  const bytes = encoder.encode(text);
  return decoder.decode(bytes.subarray(0, decode(bytes, false).length));
}
