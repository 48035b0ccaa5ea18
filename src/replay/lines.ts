/**
 * The lines of a source, unpacked where it is packed.
 *
 * @module
 */

import { builtin } from "../runtime.ts";

/** A log: chunks of bytes or of text, such as a file's stream. */
export type LogSource = AsyncIterable<Uint8Array | string>;

/** How a packed file begins. */
const PACKED: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Takes packed chunks, gives unpacked ones. */
interface Unpacker {
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  readonly unpacked: AsyncIterable<Uint8Array>;
}

interface NodeStream extends AsyncIterable<Uint8Array> {
  write(chunk: Uint8Array, written: (error?: Error | null) => void): void;
  end(): void;
}

/** The web's way, which most runtimes have for gzip alone. */
function webUnpacker(name: string): Unpacker {
  const { readable, writable } = new DecompressionStream(name as CompressionFormat);
  const writer = writable.getWriter();
  return {
    write: (chunk) => writer.write(chunk as Uint8Array<ArrayBuffer>),
    end: () => writer.close(),
    unpacked: {
      async *[Symbol.asyncIterator]() {
        const reader = readable.getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
      },
    },
  };
}

/** Node's way for zstd: Deno and Bun have it, and Node from 22.15 on. */
function nodeUnpacker(): Unpacker | null {
  const stream = builtin<{ createZstdDecompress?(): NodeStream }>("node:zlib")?.createZstdDecompress?.();
  if (stream === undefined) return null;
  return {
    write: (chunk) =>
      new Promise((written, failed) => stream.write(chunk, (error) => error ? failed(error) : written())),
    end: () => Promise.resolve(stream.end()),
    unpacked: stream,
  };
}

function unpackerOf(name: string): Unpacker {
  const unpacker = name === "gzip" ? webUnpacker(name) : nodeUnpacker();
  if (unpacker !== null) return unpacker;
  throw new TypeError(
    `Cannot read a log packed with ${name} as this runtime does not unpack it: unpack it first, as in \`zstdcat LOG | weir replay -\``,
  );
}

/** Unpacks chunks. */
async function* unpackedChunks(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array | string>,
  name: string,
): LogSource {
  const unpacker = unpackerOf(name);
  const writing = (async () => {
    // Copies, as a source may fill the same chunk again.
    await unpacker.write(first.slice());
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      await unpacker.write((next.value as Uint8Array).slice());
    }
    await unpacker.end();
  })();
  // An error in there ends the reading below as well.
  writing.catch(() => {});
  yield* unpacker.unpacked;
  await writing;
}

/** The chunks of a source, unpacked. */
async function* chunksOf(source: LogSource): LogSource {
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      const { value } = next;
      if (value.length === 0) continue;
      const packed = typeof value === "string"
        ? undefined
        : PACKED.find(([, magic]) => magic.every((byte, i) => value[i] === byte));
      if (packed !== undefined) return yield* unpackedChunks(value as Uint8Array, chunks, packed[0]);
      yield value;
      return yield* { [Symbol.asyncIterator]: () => chunks };
    }
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
  for await (const chunk of chunksOf(source)) {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    // Of the chunk as a whole, a sum would be one more copy.
    lines[0] = rest + lines[0];
    const hasReturns = rest.endsWith("\r") || text.includes("\r");
    rest = lines.pop() as string;
    if (lines.length > 0) yield hasReturns ? lines.map(withoutReturn) : lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
