/**
 * The first and the last bytes of a body, kept while it passes: models state their usage there.
 *
 * @module
 */

/** The most bytes kept of a body's beginning, where Anthropic states the input, and of its end. */
const FIRST_BYTES = 8192;
const LAST_BYTES = 24_576;
/**
 * The memory for the end. Chunks whose size is a power of two, as runtimes make them, are then not cut at its end: to make a
 * view of a part takes as long as to copy it.
 */
const RING_BYTES = 32_768;

/** The kept text of a body. */
export interface BodyText {
  /** All of a short body, or its beginning. */
  readonly first: string;
  /** The end of a longer body; null where `first` is all of it. */
  readonly last: string | null;
}

/** Keeps the ends of one body. */
export interface BodyEnds {
  /** Copies the bytes that are to be kept. */
  add(chunk: Uint8Array): void;
  /** The text of the bytes kept so far. */
  text(): BodyText;
}

/** One for all bodies, as a new one takes as long as the decoding. */
let decoder: TextDecoder | undefined;

/**
 * @returns The keeper of a body's ends: 8 kB of memory for a body within that, 40 kB for a longer one.
 */
export function bodyEnds(): BodyEnds {
  const first = new Uint8Array(FIRST_BYTES);
  let firstLength = 0;
  /** A ring, written up to `at`. */
  let last: Uint8Array | null = null;
  let at = FIRST_BYTES;
  /** The bytes after the first. */
  let rest = 0;

  function addLast(bytes: Uint8Array): void {
    last ??= new Uint8Array(RING_BYTES);
    rest += bytes.length;
    if (bytes.length >= LAST_BYTES) {
      last.set(bytes.subarray(-LAST_BYTES));
      at = LAST_BYTES;
      return;
    }
    const fits = RING_BYTES - at;
    if (bytes.length <= fits) last.set(bytes, at);
    else {
      last.set(bytes.subarray(0, fits), at);
      last.set(bytes.subarray(fits));
    }
    at = (at + bytes.length) % RING_BYTES;
  }

  return {
    add(chunk) {
      // Some servers take text for bytes.
      if (!ArrayBuffer.isView(chunk)) return;
      if (firstLength === FIRST_BYTES) return addLast(chunk);
      const fits = Math.min(chunk.length, FIRST_BYTES - firstLength);
      first.set(chunk.subarray(0, fits), firstLength);
      firstLength += fits;
      if (fits < chunk.length) addLast(chunk.subarray(fits));
    },
    text() {
      decoder ??= new TextDecoder();
      const beginning = first.subarray(0, firstLength);
      if (last === null) return { first: decoder.decode(beginning), last: null };
      const from = at - Math.min(rest, LAST_BYTES);
      const end = from < 0 ? joined(last.subarray(from), last.subarray(0, at)) : last.subarray(from, at);
      return rest <= LAST_BYTES
        ? { first: decoder.decode(joined(beginning, end)), last: null }
        : { first: decoder.decode(beginning), last: decoder.decode(end) };
    },
  };
}

/** Parts that follow each other, in one piece: their border may be within a character, and pieces take Node longer to decode. */
function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
