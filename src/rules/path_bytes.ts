/**
 * Decodes and resolves the bytes of a path.
 *
 * @module
 */

export const SLASH = 0x2f;
export const BACKSLASH = 0x5c;
export const DOT = 0x2e;
export const PERCENT = 0x25;
export const QUESTION_MARK = 0x3f;
const NUMBER_SIGN = 0x23;

/** The value of a hexadecimal digit; -1 where it is none. */
function hex(code: number): number {
  if (code > 0x2f && code < 0x3a) return code - 0x30;
  const small = code | 0x20;
  return small > 0x60 && small < 0x67 ? small - 0x57 : -1;
}

/** The result of {@link decode}. */
export interface Found {
  /** The number of remaining bytes. */
  readonly length: number;
  /** The index of the first text to resolve: a slash before a dot, or a backslash; -1: none. */
  readonly unresolved: number;
  /** The index of the first encoded slash; -1: none. */
  readonly slash: number;
  /** Did the path contain characters that the URL standard removes? */
  readonly hasControls: boolean;
}

/**
 * Decodes percent-encoded bytes in place, once, except slashes and the characters that end a path. A "%"
 * without a valid encoding is kept.
 *
 * @param bytes A path.
 * @param folded Convert letters to lower case?
 * @param kept Further characters that stay encoded.
 */
export function decode(bytes: Uint8Array, folded: boolean, kept = ""): Found {
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
        // A decoded backslash would look like one that must be resolved, so it stays encoded.
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

/** The byte encoded at a "%"; -1 if the encoding is invalid. */
function encodedAt(bytes: Uint8Array, i: number): number {
  if (i + 2 >= bytes.length) return -1;
  const high = hex(bytes[i + 1]);
  if (high === -1) return -1;
  const low = hex(bytes[i + 2]);
  return low === -1 ? -1 : high * 16 + low;
}

/**
 * Resolves dot segments, and turns backslashes into slashes (URL standard, path state).
 *
 * @param from The index of the first one: a slash or a backslash.
 */
export function resolve(bytes: Uint8Array, from: number): Uint8Array {
  const resolved = new Uint8Array(bytes.length + 1);
  resolved.set(bytes.subarray(0, from));
  resolved[from] = SLASH;
  let length = from + 1;
  let start = length; // of the current segment
  for (let i = length; i <= bytes.length; i++) {
    const isEnd = i === bytes.length;
    if (!isEnd && bytes[i] !== SLASH && bytes[i] !== BACKSLASH) {
      resolved[length++] = bytes[i];
      continue;
    }
    const size = length - start;
    if (size > 0 && size < 3 && resolved[start] === DOT && resolved[length - 1] === DOT) {
      length = start;
      // Back to just after the previous slash; the first slash stays.
      if (size === 2 && length > 1) { for (length--; resolved[length - 1] !== SLASH; length--); }
    } else if (!isEnd) {
      resolved[length++] = SLASH;
    }
    start = length;
  }
  return resolved.subarray(0, length);
}

/**
 * Decodes encoded slashes, as a server behind this one may do.
 *
 * @param from The index of the first one.
 */
export function withSlashes(bytes: Uint8Array, from: number): Uint8Array {
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
