/** Bodies that are read into buffers that fit their chunks. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { fittingReader } from "../../src/tokens/fitting_reader.ts";

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);

/** A stream of bytes that takes 64 kB for each chunk, as Deno's fetch does, and the buffers that it got. */
function taking(chunks: readonly Uint8Array[], end: "ends" | "fails" = "ends") {
  const sizes: number[] = [];
  const cancelled: unknown[] = [];
  let left = [...chunks];
  const body = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 65_536,
    pull(controller): void {
      const { byobRequest } = controller;
      const view = byobRequest!.view as Uint8Array;
      if (left.length === 0) {
        if (end === "fails") throw new Error("the model failed");
        controller.close();
        return byobRequest!.respond(0);
      }
      sizes.push(view.byteLength);
      const [chunk, ...rest] = left;
      view.set(chunk.subarray(0, view.byteLength));
      left = chunk.length > view.byteLength ? [chunk.subarray(view.byteLength), ...rest] : rest;
      byobRequest!.respond(Math.min(chunk.length, view.byteLength));
    },
    cancel(reason): void {
      cancelled.push(reason);
    },
  }) as ReadableStream<Uint8Array>;
  return { body, sizes, cancelled };
}

const joined = async (chunks: readonly Uint8Array[]): Promise<Uint8Array> =>
  new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());

/** All that a body has, read as a response is. */
async function read(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = fittingReader(body);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joined(chunks);
    reader.fit(value);
    chunks.push(value);
  }
}

describe("fittingReader", () => {
  it("reads small chunks into small buffers, and chunks that grow into larger ones", async () => {
    const small = Array.from({ length: 20 }, () => bytesOf(100));
    const { body, sizes } = taking([
      ...small,
      ...Array.from({ length: 10 }, () => bytesOf(65_536)),
      ...small,
    ]);
    assertEquals((await read(body)).length, 40 * 100 + 10 * 65_536);
    assertEquals(sizes.slice(0, 8), Array.from({ length: 8 }, () => 65_536));
    assert(sizes.slice(8, 20).every((size) => size < 8192), String(sizes));
    assertEquals(Math.max(...sizes.slice(20)), 65_536);
    assertLess(sizes.at(-1)!, 8192);
  });

  it("leaves a source its buffers as long as it fills them", async () => {
    const { body, sizes } = taking(Array.from({ length: 30 }, () => bytesOf(20_000)));
    await read(body);
    assertEquals(new Set(sizes), new Set([65_536]));
  });

  it("leaves alone a source that makes buffers of its own size", async () => {
    const made = Array.from({ length: 20 }, () => bytesOf(100));
    const body = new ReadableStream({
      type: "bytes",
      start(controller) {
        for (const chunk of made) controller.enqueue(new Uint8Array(chunk));
        controller.close();
      },
    }) as ReadableStream<Uint8Array>;
    const reader = fittingReader(body);
    const sizes: number[] = [];
    for (let i = 0; i < made.length; i++) {
      const { value } = await reader.read();
      reader.fit(value!);
      sizes.push(value!.buffer.byteLength);
    }
    assertEquals(new Set(sizes), new Set([100]));
  });

  it("halves its buffers at most, where a small chunk follows large ones", async () => {
    const small = Array.from({ length: 9 }, () => bytesOf(100));
    const { body, sizes } = taking([...small, bytesOf(4000), bytesOf(8000), bytesOf(16_000), ...small]);
    await read(body);
    const most = Math.max(...sizes.slice(8));
    assertEquals(sizes.slice(sizes.indexOf(most, 8)).slice(0, 3), [most, most / 2, most / 4]);
  });

  it("gives the same bytes, however they come", async () => {
    const lengths = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 70_000 })),
      {
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(lengths, async (lengths) => {
        const chunks = lengths.map(bytesOf);
        // Of a source that takes 64 kB for each and has no readers into others' buffers, too.
        const plain = new ReadableStream<Uint8Array>({
          start(controller) {
            for (const chunk of chunks) {
              const buffer = new Uint8Array(Math.max(65_536, chunk.length));
              buffer.set(chunk);
              controller.enqueue(buffer.subarray(0, chunk.length));
            }
            controller.close();
          },
        });
        const expected = await joined(chunks);
        for (const body of [taking(chunks).body, plain]) {
          const bytes = await read(body);
          assert(bytes.length === expected.length && bytes.every((byte, i) => byte === expected[i]));
        }
      }),
    );
  });

  it("hears of a source that fails, and tells it that nobody reads on, whichever buffers it reads into", async () => {
    for (const count of [2, 20]) {
      const chunks = Array.from({ length: count }, () => bytesOf(10));
      await assertRejects(() => read(taking(chunks, "fails").body), Error, "the model failed");
      const { body, cancelled } = taking([...chunks, ...chunks]);
      const reader = fittingReader(body);
      for (let i = 0; i < count; i++) reader.fit((await reader.read()).value!);
      await reader.cancel("gone");
      assertEquals(cancelled, ["gone"]);
    }
  });
});
