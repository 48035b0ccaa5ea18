/**
 * The path of a request, in every way that a router may read it. One that reads it in another way than the rules do
 * would run a handler that no rule counts.
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

/** The characters that decodeURI leaves encoded, and "%" itself, which Hono leaves so too. */
const RESERVED = ";/?:@&=+$,#%";

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder();

/**
 * Lower case, also of letters of which an alphabet has three: what regular expressions with the flag "i" hold for the same.
 * A sigma is the same wherever it stands, as a pattern's text is folded segment by segment.
 */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(lower)) return lower;
  return lower.toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** Makes doubled slashes one, and takes the one at the end away. */
export function collapse(path: string): string {
  const single = path.replace(/\/{2,}/g, "/");
  return single.length > 1 && single.endsWith("/") ? single.slice(0, -1) : single;
}

/**
 * The path that every reader finds in a URL. It is on the way of each request.
 *
 * @param url As a server hands it over, resolved or not.
 * @param folds Is it to be folded, and a slash at its end to be left away?
 * @returns Null where the path has to be read with more care.
 */
export function plainPath(url: string, folds: boolean): string | null {
  if (!url.startsWith("http")) return null;
  const authority = url.charCodeAt(4) === 0x3a ? 7 : 8; // after "http://" or "https://"
  let start = authority;
  for (; start < url.length; start++) {
    const code = url.charCodeAt(start);
    if (code === SLASH) break;
    // Some readers end the authority at these and some do not: "#" and all below, "?", and a backslash.
    if (code < 0x24 || code === QUESTION_MARK || code === BACKSLASH) return null;
  }
  if (start === authority || start === url.length || start < ELYSIA) return null;
  let end = start;
  let previous = 0;
  let isCased = false;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code > 0x60 && code < 0x7b) {
      // A small letter.
    } else if (code === SLASH || code === DOT) {
      if (previous === SLASH) return null;
    } else if (code > 0x3f && code < 0x5b) {
      isCased = true;
    } else if (code === QUESTION_MARK) {
      break;
    } else {
      // Digits, and of the marks those that mean nothing in a path: not "%", "\\", "#", nor what URLs encode.
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

/** "http://host/", as far as all readers agree where it ends. */
const AUTHORITY = /^https?:\/\/[\w.:[\]-]+\//;

/** Where Elysia looks for the path: it takes no host to be shorter than four letters. */
const ELYSIA = 11;

/**
 * Cut out of a URL by hand, as servers and routers do it: Deno.serve and workerd hand over what the client wrote, and Bun
 * a path without an origin where it refuses the Host. Some cut a fragment off, and some do not.
 */
function writtenPaths(url: string): readonly string[] {
  const first = url.indexOf("/", url.indexOf("://") + 3);
  const starts = new Set([first]);
  if (first !== -1 && first < ELYSIA) starts.add(url.indexOf("/", ELYSIA));
  if (url.startsWith("/")) starts.add(0).add(url.indexOf("/", url.indexOf(":") + 4)); // h3, Hono
  return [...starts].flatMap((start) => {
    if (start === -1) return ["/"];
    const query = url.indexOf("?", start);
    const path = query === -1 ? url.slice(start) : url.slice(start, query);
    const fragment = path.indexOf("#");
    return fragment === -1 ? [path] : [path, path.slice(0, fragment)];
  });
}

/** The path of a URL by the URL standard; null where that knows none. */
function standardPath(url: string): string | null {
  try {
    const { pathname } = new URL(url);
    return pathname.startsWith("/") ? pathname : null;
  } catch {
    return null;
  }
}

/** As much of a path as patterns without regular expressions can tell apart. */
export interface Extent {
  /** Segments of the longest pattern. */
  readonly depth: number;
  /** Characters of the longest text in a segment. */
  readonly width: number;
}

/**
 * The path with its slashes collapsed, cut to an extent: one segment more than the longest pattern, and of a segment more
 * than the longest text. So what a router is asked is short, however long the path is.
 *
 * @param filled Is there something between doubled slashes, as a parameter can be empty?
 */
function outline(bytes: Uint8Array, { depth, width }: Extent, filled: boolean): string {
  const most = 4 * width + 4; // bytes of a segment: a character is four at most
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

/** Short, with nothing in it that is read in several ways: as most paths with spaces and foreign letters are. */
const ALONE =
  /^https?:\/\/[\w.:[\]-]+((?:\/(?!\.)(?:[\w.!$&'()*+,:;=@~-]|%(?!2[3ef]|3f|5c)[0-9a-f]{2})+)+\/?)(?:\?|$)/i;

/** Its path, decoded by the engine, which is the fastest; null where it is not so simple. */
function decodedAlone(url: string): string | null {
  if (url.length > 300) return null;
  const [, path] = ALONE.exec(url) ?? [];
  if (path === undefined || url.indexOf("/", 8) < ELYSIA) return null;
  try {
    return fold(decodeURIComponent(path.endsWith("/") ? path.slice(0, -1) : path));
  } catch {
    return null;
  }
}

/** Adds a text in all its readings. */
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
    paths.add(outline(resolve(withSlashes(bytes, found.slash), first), extent, false));
  }
  return found;
}

/**
 * The path of a URL in all the ways that it may be read: with its dot segments resolved, as `new URL` does, and left as they
 * are; with encoded slashes as such, and as slashes. Decoded, folded and collapsed.
 *
 * @param url As a server hands it over, resolved or not.
 * @param extent How much of it counts.
 */
export function foldedPaths(url: string, extent: Extent): Iterable<string> {
  const simple = decodedAlone(url);
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
 * The path of a URL in all the ways that it may be read without changing its letters or its slashes: decoded, decoded as
 * far as Hono does, and not decoded.
 *
 * @param url As a server hands it over, resolved or not.
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

/** Literal text of a pattern, as {@link foldedPaths} and {@link spelledPaths} give it. */
export function decoded(text: string): string {
  const bytes = encoder.encode(text);
  return decoder.decode(bytes.subarray(0, decode(bytes, false).length));
}
