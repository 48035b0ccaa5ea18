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
    // What ends the authority for some and not for others: "#" and all below, "?", and a backslash.
    if (code < 0x24 || code === QUESTION_MARK || code === BACKSLASH) return null;
  }
  if (start === authority || start === url.length) return null;
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
  /** Where there is something to resolve: a slash before a dot, a backslash; -1: nowhere. */
  readonly unresolved: number;
  /** Where the first slash is that is encoded; -1: nowhere. */
  readonly slash: number;
  /** Were there characters that the URL standard takes out? */
  readonly hasControls: boolean;
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
  let unresolved = -1;
  let slash = -1;
  let hasControls = false;
  for (let i = 0; i < bytes.length; i++) {
    let code = bytes[i];
    if (code === PERCENT) {
      const value = encodedAt(bytes, i);
      if (value !== -1) {
        // A backslash that is decoded would be taken for one that is to be resolved.
        const isSlash = value === SLASH || value === BACKSLASH && folded;
        if (isSlash && slash === -1) slash = length;
        const stays = isSlash || value === QUESTION_MARK || value === NUMBER_SIGN ||
          kept !== "" && value < 0x80 && kept.includes(String.fromCharCode(value));
        if (stays) {
          bytes[length++] = PERCENT;
          bytes[length++] = bytes[i + 1];
          const digit = bytes[i + 2];
          bytes[length++] = digit < 0x40 ? digit : folded ? digit | 0x20 : digit & 0x5f;
          i += 2;
          previous = 0;
          continue;
        }
        code = value;
        i += 2;
      }
    } else if (code <= 0x20) {
      hasControls = true;
    }
    if (code === DOT || code === BACKSLASH) {
      const isLoose = code === BACKSLASH || previous === SLASH || previous === BACKSLASH;
      if (isLoose && unresolved === -1) unresolved = code === DOT ? length - 1 : length;
    } else if (folded && code > 0x40 && code < 0x5b) {
      code |= 0x20;
    }
    bytes[length++] = code;
    previous = code;
  }
  return { length, unresolved, slash, hasControls };
}

/** The byte whose encoding stands at a "%"; -1 where none does. */
function encodedAt(bytes: Uint8Array, i: number): number {
  if (i + 2 >= bytes.length) return -1;
  const high = hex(bytes[i + 1]);
  if (high === -1) return -1;
  const low = hex(bytes[i + 2]);
  return low === -1 ? -1 : high * 16 + low;
}

/**
 * The path without its dot segments, and with slashes for backslashes (URL standard, path state).
 *
 * @param from Where the first of them is: a slash or a backslash.
 */
function resolve(bytes: Uint8Array, from: number): Uint8Array {
  const resolved = new Uint8Array(bytes.length + 1);
  resolved.set(bytes.subarray(0, from));
  resolved[from] = SLASH;
  let length = from + 1;
  let start = length; // of the segment that is being written
  for (let i = length; i <= bytes.length; i++) {
    const isEnd = i === bytes.length;
    if (!isEnd && bytes[i] !== SLASH && bytes[i] !== BACKSLASH) {
      resolved[length++] = bytes[i];
      continue;
    }
    const size = length - start;
    if (size > 0 && size < 3 && resolved[start] === DOT && resolved[length - 1] === DOT) {
      length = start;
      // Back to behind the slash before this one; the first of all stays.
      if (size === 2 && length > 1) { for (length--; resolved[length - 1] !== SLASH; length--); }
    } else if (!isEnd) {
      resolved[length++] = SLASH;
    }
    start = length;
  }
  return resolved.subarray(0, length);
}

/**
 * The path with slashes for those that were encoded, as a server behind may read it.
 *
 * @param from Where the first of them is.
 */
function withSlashes(bytes: Uint8Array, from: number): Uint8Array {
  const result = bytes.slice();
  let length = from;
  for (let i = from; i < bytes.length; i++) {
    const value = bytes[i] === PERCENT ? encodedAt(bytes, i) : -1;
    const isSlash = value === SLASH || value === BACKSLASH;
    result[length++] = isSlash ? SLASH : bytes[i];
    if (isSlash) i += 2;
  }
  return result.subarray(0, length);
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

/** The path of such a URL, decoded by the engine, which is the fastest; null where it is not so simple. */
function decodedAlone(url: string): string | null {
  if (url.length > 300) return null;
  const [, path] = ALONE.exec(url) ?? [];
  if (path === undefined) return null;
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
