/**
 * The first and the last bytes of a body, kept while it passes: models state their usage there.
 *
 * @module
 */

/** The most bytes kept of a body's beginning, where Anthropic states the input, and of its end. */
const FIRST_BYTES = 8192;
const LAST_BYTES = 24_576;

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

/** @returns The keeper of a body's ends: 8 kB of memory for a body within that, 32 kB for a longer one. */
export function bodyEnds(): BodyEnds {
  const first = new Uint8Array(FIRST_BYTES);
  let firstLength = 0;
  /** A ring, whose oldest byte is at `at` once it is full. */
  let last: Uint8Array | null = null;
  let at = 0;
  /** The bytes after the first. */
  let rest = 0;

  function addLast(bytes: Uint8Array): void {
    last ??= new Uint8Array(LAST_BYTES);
    rest += bytes.length;
    const kept = bytes.length > LAST_BYTES ? bytes.subarray(-LAST_BYTES) : bytes;
    const fits = Math.min(kept.length, LAST_BYTES - at);
    last.set(fits < kept.length ? kept.subarray(0, fits) : kept, at);
    if (fits < kept.length) last.set(kept.subarray(fits));
    at = (at + kept.length) % LAST_BYTES;
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
      if (rest <= LAST_BYTES) {
        return { first: decoder.decode(joined(beginning, last.subarray(0, rest))), last: null };
      }
      return {
        first: decoder.decode(beginning),
        last: decoder.decode(joined(last.subarray(at), last.subarray(0, at))),
      };
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
