/**
 * Reading a body into buffers that fit its chunks.
 *
 * @module
 */

import type { BodyReader } from "../exchange/body_end.ts";

/** The buffer that Deno takes for each chunk of a fetched body, and the most that is read into. */
const MAX_BUFFER = 65_536;
/** The least that is read into. */
const MIN_BUFFER = 4096;
/** The chunks that leave most of such a buffer empty, before smaller ones are read into. */
const MAX_WASTED = 8;

/** A reader that learns from the chunks it has read. */
export interface FittingReader extends BodyReader {
  /** Hears of a chunk before anybody else has it. */
  fit(chunk: Uint8Array): void;
}

/**
 * Deno fills 64 kB with zeros for each chunk of a fetched body, which may have the hundred bytes of a model's word: most of
 * the time that it takes to pass such a stream on. So buffers that fit are given to a source that would take too large ones.
 */
export function fittingReader(body: ReadableStream<Uint8Array>): FittingReader {
  let reader = body.getReader();
  let fitting: ReadableStreamBYOBReader | undefined;
  let size = MIN_BUFFER;
  let left = MAX_WASTED;

  function takeOver(): void {
    reader.releaseLock();
    try {
      fitting = body.getReader({ mode: "byob" });
    } catch {
      // Not a stream of bytes.
      reader = body.getReader();
    }
  }

  // Of other sources only the first chunk is asked for its buffer: Bun makes one for whoever asks.
  function look(chunk: Uint8Array): void {
    if (chunk.buffer?.byteLength !== MAX_BUFFER) left = 0;
    else if (chunk.length <= MAX_BUFFER / 8 && --left === 0) takeOver();
  }

  return {
    read: () => fitting === undefined ? reader.read() : fitting.read(new Uint8Array(size)),
    fit(chunk) {
      if (left > 0) look(chunk);
      if (fitting !== undefined) {
        size = Math.min(MAX_BUFFER, Math.max(MIN_BUFFER, size / 2, 2 * chunk.length));
      }
    },
    cancel: (reason) => (fitting ?? reader).cancel(reason),
  };
}
