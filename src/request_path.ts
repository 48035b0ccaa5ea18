/**
 * The path of a request, in every way that a router may read it. One that reads it in another way than the rules do
 * would run a handler that no rule counts.
 *
 * @module
 */

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const PERCENT = 0x25;
const QUESTION_MARK = 0x3f;
const NUMBER_SIGN = 0x23;

/** What decodeURI leaves encoded, and "%" itself, which Hono leaves so too. */
const RESERVED = ";/?:@&=+$,#%";

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder();

/** Lower case, also of letters of which one alphabet has three: what regular expressions with the flag "i" hold for the same. */
export function fold(text: string): string {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : text.toLowerCase().toUpperCase().toLowerCase();
}

/** Makes doubled slashes one, and takes the one at the end away. */
export function collapse(path: string): string {
  const single = path.replace(/\/{2,}/g, "/");
  return single.length > 1 && single.endsWith("/") ? single.slice(0, -1) : single;
}

/**
 * The path that every reader finds in a URL, letter case and a slash at its end aside. It is on the way of each request.
 *
 * @param url As a server hands it over, resolved or not.
 * @returns The path as it is written; null where it has to be read with more care.
 */
export function plainPath(url: string): string | null {
  if (!url.startsWith("http")) return null;
  const authority = url.charCodeAt(4) === 0x3a ? 7 : 8; // after "http://" or "https://"
  let start = authority;
  for (;; start++) {
    const code = url.charCodeAt(start);
    if (code === SLASH) break;
    // Letters, digits, "-", ".", ":", and IPv6's brackets.
    const isHost = code > 0x60 && code < 0x7b || code > 0x2c && code < 0x3b || code > 0x40 && code < 0x5c ||
      code === 0x5d;
    if (!isHost) return null;
  }
  if (start === authority) return null;
  let end = start;
  let previous = 0;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code > 0x60 && code < 0x7b) {
      // A small letter.
    } else if (code === SLASH || code === DOT) {
      if (previous === SLASH) return null;
    } else if (code === QUESTION_MARK) {
      break;
    } else {
      // Digits, capital letters, and of the marks those that mean nothing in a path: not "%", "\", nor what URLs encode.
      const isPlain = code > 0x23 && code < 0x3c && code !== PERCENT || code > 0x3f && code < 0x5b ||
        code === 0x5f || code === 0x3d || code === 0x7e || code === 0x21;
      if (!isPlain) return null;
    }
    previous = code;
  }
  return url.slice(start, end);
}

/**
 * Cut out of a URL by hand, as servers and routers do it: Deno.serve and workerd hand over what the client wrote. Some cut
 * a fragment off, and some do not.
 */
function writtenPaths(url: string): readonly string[] {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return ["/"];
  const query = url.indexOf("?", start);
  const fragment = url.indexOf("#", start);
  const path = query === -1 ? url.slice(start) : url.slice(start, query);
  if (fragment === -1) return [path];
  return fragment < start + path.length ? [path, url.slice(start, fragment)] : [path];
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

/** An authority after which everybody finds the same path. */
const AUTHORITY = /^https?:\/\/[\w.:[\]-]+\//;

/** The value of a hexadecimal digit; -1 where it is none. */
function hex(code: number): number {
  if (code > 0x2f && code < 0x3a) return code - 0x30;
  const small = code | 0x20;
  return small > 0x60 && small < 0x67 ? small - 0x57 : -1;
}

/** What {@link decode} found. */
interface Found {
  /** How many bytes are left. */
  readonly length: number;
  /** Is there something to resolve: a dot at the beginning of a segment, a backslash? */
  readonly unresolved: boolean;
  /** Are there slashes that are encoded? */
  readonly slashes: boolean;
  /** Are there bytes that are no ASCII? */
  readonly foreign: boolean;
  /** Were there characters that the URL standard takes out? */
  readonly controls: boolean;
}

/**
 * Decodes percent-encoded bytes in place, once, all but slashes and what ends a path. What is no encoding stays.
 *
 * @param bytes A path.
 * @param folded Are letters to be small ones?
 * @param kept What else stays encoded.
 */
function decode(bytes: Uint8Array, folded: boolean, kept = ""): Found {
  let length = 0;
  let previous = 0;
  let [unresolved, slashes, foreign, controls] = [false, false, false, false];
  for (let i = 0; i < bytes.length; i++) {
    let code = bytes[i];
    if (code === PERCENT && i + 2 < bytes.length) {
      const high = hex(bytes[i + 1]);
      const low = hex(bytes[i + 2]);
      if (high !== -1 && low !== -1) {
        const value = high * 16 + low;
        // A backslash that is decoded would be taken for one that is to be resolved.
        const isSlash = value === SLASH || value === BACKSLASH && folded;
        slashes ||= isSlash;
        const stays = isSlash || value === QUESTION_MARK || value === NUMBER_SIGN ||
          kept !== "" && value < 0x80 && kept.includes(String.fromCharCode(value));
        if (stays) {
          bytes[length++] = PERCENT;
          bytes[length++] = bytes[i + 1];
          bytes[length++] = low < 10 ? bytes[i + 2] : low + (folded ? 0x57 : 0x37);
          i += 2;
          previous = 0;
          continue;
        }
        code = value;
        i += 2;
      }
    } else if (code <= 0x20) {
      controls = true;
    }
    if (code === BACKSLASH || code === DOT && (previous === SLASH || previous === BACKSLASH)) {
      unresolved = true;
    }
    if (code > 0x7f) foreign = true;
    if (folded && code > 0x40 && code < 0x5b) code |= 0x20;
    bytes[length++] = code;
    previous = code;
  }
  return { length, unresolved, slashes, foreign, controls };
}

/** The path without its dot segments, and with slashes for backslashes (URL standard, path state). */
function resolve(bytes: Uint8Array): Uint8Array {
  const resolved = new Uint8Array(bytes.length + 1);
  let length = 0;
  for (let start = 0; start < bytes.length;) {
    let end = start + 1;
    while (end < bytes.length && bytes[end] !== SLASH && bytes[end] !== BACKSLASH) end++;
    const size = end - start - 1;
    const isDot = size > 0 && size < 3 && bytes[start + 1] === DOT && bytes[end - 1] === DOT;
    if (!isDot) {
      resolved[length++] = SLASH;
      for (let i = start + 1; i < end; i++) resolved[length++] = bytes[i];
    } else {
      if (size === 2) { while (length > 0 && resolved[--length] !== SLASH); }
      if (end === bytes.length) resolved[length++] = SLASH;
    }
    start = end;
  }
  return resolved.subarray(0, length);
}

/** The path with slashes for those that were encoded, as a server behind may read it. */
function withSlashes(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i] === PERCENT && i + 2 < bytes.length
      ? hex(bytes[i + 1]) * 16 + hex(bytes[i + 2])
      : 0;
    const isSlash = value === SLASH || value === BACKSLASH;
    result[length++] = isSlash ? SLASH : bytes[i];
    if (isSlash) i += 2;
  }
  return result.subarray(0, length);
}

/** The path as text, its slashes collapsed; where some were doubled, also with something between them, which a parameter can be. */
function addText(paths: Set<string>, bytes: Uint8Array, foreign: boolean): void {
  const result = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== SLASH || length === 0 || result[length - 1] !== SLASH) result[length++] = bytes[i];
  }
  const isDoubled = length < bytes.length;
  if (length > 1 && result[length - 1] === SLASH) length--;
  const text = decoder.decode(result.subarray(0, length));
  paths.add(foreign ? fold(text) : text);
  if (!isDoubled) return;
  const filled = decoder.decode(bytes).replace(/\/(?=\/)/g, "/-");
  paths.add(collapse(foreign ? fold(filled) : filled));
}

function addFolded(paths: Set<string>, text: string): Found {
  const buffer = encoder.encode(text);
  const found = decode(buffer, true);
  const bytes = buffer.subarray(0, found.length);
  addText(paths, bytes, found.foreign);
  if (found.unresolved) addText(paths, resolve(bytes), found.foreign);
  if (found.slashes) addText(paths, resolve(withSlashes(bytes)), found.foreign);
  return found;
}

/**
 * The path of a URL in all the ways that it may be read: with its dot segments resolved, as `new URL` does, and left as they
 * are; with encoded slashes as such, and as slashes. Decoded, folded and collapsed.
 *
 * @param url As a server hands it over, resolved or not.
 */
export function foldedPaths(url: string): ReadonlySet<string> {
  const paths = new Set<string>();
  let isOdd = !AUTHORITY.test(url);
  for (const text of writtenPaths(url)) isOdd = addFolded(paths, text).controls || isOdd;
  if (isOdd) {
    const standard = standardPath(url);
    if (standard !== null) addFolded(paths, standard);
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
