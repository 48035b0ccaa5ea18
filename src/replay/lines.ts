/**
 * The lines of a source, unpacked where it is packed.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { builtin } from "../runtime.ts";

/** A log: chunks of bytes or of text, such as a file's stream. */
export type LogSource = AsyncIterable<Uint8Array | string>;

/** How a packed file begins. */
const PACKED: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** As many bytes as the longest of these beginnings has. */
const MAGIC_BYTES = 4;

/**
 * The longest line, in characters: no server writes one, and of a longer one the beginning is read. A log that was truncated while
 * its server wrote on begins with a line of as many zeros as it had bytes, and a text holds no more than 2^29 characters.
 */
const MAX_LINE = 1 << 24;

/** Takes packed chunks, gives unpacked ones. */
interface Unpacker {
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Ends the reading in this error. */
  fail(error: Error): void;
  readonly unpacked: AsyncIterable<Uint8Array>;
}

interface NodeStream extends AsyncIterable<Uint8Array> {
  write(chunk: Uint8Array, written: (error?: Error | null) => void): void;
  end(): void;
  destroy(error: Error): void;
}

/** The web's way, which most runtimes have for gzip alone, and that for one member of a file. */
function webUnpacker(name: string): Unpacker {
  const { readable, writable } = new DecompressionStream(name as CompressionFormat);
  const writer = writable.getWriter();
  return {
    write: (chunk) => writer.write(chunk as Uint8Array<ArrayBuffer>),
    end: () => writer.close(),
    fail: (error) => void writer.abort(error).catch(() => {}),
    unpacked: {
      async *[Symbol.asyncIterator]() {
        const reader = readable.getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
      },
    },
  };
}

/** Node's way, which Deno and Bun have as well: of gzip all members of a file, and zstd, which Node has from 22.15 on. */
function nodeUnpacker(name: string): Unpacker | null {
  const zlib = builtin<{ createGunzip?(): NodeStream; createZstdDecompress?(): NodeStream }>("node:zlib");
  const stream = name === "gzip" ? zlib?.createGunzip?.() : zlib?.createZstdDecompress?.();
  if (stream === undefined) return null;
  return {
    write: (chunk) =>
      new Promise((written, failed) => stream.write(chunk, (error) => error ? failed(error) : written())),
    end: () => Promise.resolve(stream.end()),
    fail: (error) => stream.destroy(error),
    unpacked: stream,
  };
}

function unpackerOf(name: string): Unpacker {
  const unpacker = nodeUnpacker(name) ?? (name === "gzip" ? webUnpacker(name) : null);
  if (unpacker !== null) return unpacker;
  throw new TypeError(
    `Cannot read a log packed with ${name} as this runtime does not unpack it: unpack it first, as in \`zstdcat LOG | weir replay -\``,
  );
}

/** The first chunk and the others, copied, as a source may fill the same chunk again. */
async function* after(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array | string>,
): AsyncIterable<Uint8Array> {
  yield first;
  for await (const chunk of rest) yield (chunk as Uint8Array).slice();
}

/** Does a frame of zstd begin there? RFC 8878, sections 3.1.1 and 3.1.2. */
function beginsFrame(bytes: Uint8Array, at: number): boolean {
  const [a, b, c, d] = bytes.subarray(at, at + MAGIC_BYTES);
  return (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) ||
    (a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18);
}

/**
 * Chunks of zstd, cut where a frame may begin: Node and Deno drop without a word what follows the end of a frame in the same
 * chunk. A cut within a frame does no harm.
 */
async function* cutAtFrames(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // The beginning of a frame may be in two chunks.
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const bytes = joined(held, chunk);
    const end = Math.max(0, bytes.length - MAGIC_BYTES + 1);
    let from = 0;
    for (let i = 1; i < end; i++) {
      const last = bytes[i + MAGIC_BYTES - 1];
      if ((last !== 0xfd && last !== 0x18) || !beginsFrame(bytes, i)) continue;
      yield bytes.subarray(from, i);
      from = i;
    }
    if (end > from) yield bytes.subarray(from, end);
    held = bytes.subarray(end);
  }
  yield held;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Unpacks chunks. */
async function* unpackedChunks(chunks: AsyncIterable<Uint8Array>, name: string): LogSource {
  const unpacker = unpackerOf(name);
  let failure: { readonly error: unknown } | null = null;
  async function* noted(): AsyncIterable<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  const writing = (async () => {
    for await (const chunk of name === "zstd" ? cutAtFrames(noted()) : noted()) await unpacker.write(chunk);
    await unpacker.end();
  })();
  // An error in there ends the reading below as well.
  writing.catch((error) => unpacker.fail(error));
  try {
    yield* unpacker.unpacked;
    await writing;
  } catch (cause) {
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    const reason = cause instanceof Error && cause.message ? ` (${cause.message})` : "";
    throw new Error(`Cannot read a log packed with ${name} as its bytes cannot be unpacked${reason}`, {
      cause,
    });
  }
}

function requireChunk(chunk: unknown): void {
  if (typeof chunk === "string" || ArrayBuffer.isView(chunk)) return;
  throw new TypeError(cannot("read a log", "its chunks must be bytes or text", chunk));
}

/** The chunks of a source, unpacked. */
async function* chunksOf(source: LogSource): LogSource {
  const chunks = source[Symbol.asyncIterator]();
  const rest = { [Symbol.asyncIterator]: () => chunks };
  let first: Uint8Array = new Uint8Array();
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      const { value } = next;
      requireChunk(value);
      if (typeof value !== "string") {
        first = joined(first, value);
        // As many bytes as tell whether they are packed.
        if (first.length < MAGIC_BYTES) continue;
        const packed = PACKED.find(([, magic]) => magic.every((byte, i) => first[i] === byte));
        if (packed !== undefined) return yield* unpackedChunks(after(first, rest), packed[0]);
      }
      yield first;
      if (typeof value === "string") yield value;
      return yield* rest;
    }
    yield first;
  } finally {
    await chunks.return?.();
  }
}

/**
 * The lines of a source, in lists of those that came with one chunk, without their ends.
 *
 * @param source Bytes, read as UTF-8, or text; packed with gzip or, where the runtime can, zstd.
 */
export async function* linesOf(source: LogSource): AsyncIterable<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  let endsInReturn = false;
  for await (const chunk of chunksOf(source)) {
    requireChunk(chunk);
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    const lines = text.split("\n");
    // Of the chunk as a whole, a sum would be one more copy.
    lines[0] = rest.length < MAX_LINE ? rest + lines[0] : rest;
    const hasReturns = endsInReturn || text.includes("\r");
    rest = lines.pop() as string;
    // Not asked of the rest, which engines would copy as a whole for the answer.
    endsInReturn = text.endsWith("\r");
    if (lines.length > 0) yield hasReturns ? lines.map(withoutReturn) : lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
