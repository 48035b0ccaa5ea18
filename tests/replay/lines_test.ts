/** The lines of logs: packed, in chunks of any size, cut off. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import process from "node:process";
import { describe, it } from "node:test";
import * as zlib from "node:zlib";
import { linesOf } from "../../src/replay/lines.ts";
import { readLog } from "../../src/replay/mod.ts";
import { chunksOf, listOf } from "./logs.ts";

/** The lines of /a, /b and /c at the seconds 1 to 3, packed by `zstd -19`. */
const ZSTD =
  "KLUv/SThnQIAwsQPEZB96RVDcWAFituk0vm+vuIM99gHoYYOI3Rq9+9giClRyte1tGwuNHXRxpkfhpyp9y8Zw7J+9ujRhjxx8ssEBiCwcweLyAeJURZynGdgPgFSXaU8";

const line = (second: number, path: string, agent = '"a"') =>
  `192.0.2.1 - - [29/Nov/2026:04:30:${
    String(second).padStart(2, "0")
  } +0000] "GET ${path} HTTP/1.1" 200 5 "-" ${agent}\n`;

/** Does this runtime have zstd? */
const UNPACKS_ZSTD = typeof (zlib as { createZstdDecompress?: unknown }).createZstdDecompress === "function";

const joined = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** A source that gives a chunk and breaks off. */
async function* failingAfter(chunk: Uint8Array) {
  yield chunk.subarray(0, chunk.length - 20);
  await Promise.resolve();
  throw new Error("the disk is gone");
}

const read = (text: string) => readLog(chunksOf(text));

describe("the lines of a log", () => {
  it("have none of their ends, wherever the chunks end, and lose none that is cut off", async () => {
    const text = "a\r\n\r\nbé\n\rc\r\n\nd";
    for (let size = 1; size < 10; size++) {
      const lines: string[] = [];
      for await (const some of linesOf(chunksOf(text, size))) lines.push(...some);
      assertEquals(lines, ["a", "", "bé", "\rc", "", "d"], `chunks of ${size}`);
    }
    // A character that was cut off has a sign in its place.
    const cut = new TextEncoder().encode("a\né").subarray(0, 3);
    const lines: string[] = [];
    for await (const some of linesOf(chunksOf(cut))) lines.push(...some);
    assertEquals(lines, ["a", "\ufffd"]);
  });
});

describe("readLog, lines", () => {
  it("reads what gzip packed, and text in chunks of any size", async () => {
    const text = Array.from({ length: 50 }, (_, i) => line(i, `/é${i}`)).join("");
    const plain = await listOf(read(text));
    assertEquals(plain.length, 50);
    assertEquals(await listOf(readLog(chunksOf(zlib.gzipSync(text), 7))), plain);
    for (const size of [1, 3, 64, 10_000]) assertEquals(await listOf(readLog(chunksOf(text, size))), plain);
    for (const size of [1, 3, 64, 1000]) {
      assertEquals(await listOf(readLog(chunksOf(text.replaceAll("\n", "\r\n"), size))), plain);
    }
    assertEquals(await listOf(readLog(chunksOf(text.trimEnd()))), plain);
  });

  it("passes over a line that is longer than any text can be, as of a log that was truncated", async () => {
    const zeros = new Uint8Array(1 << 24);
    async function* chunks(): AsyncIterable<Uint8Array> {
      for (let i = 0; i < 33; i++) yield zeros;
      yield new TextEncoder().encode(`\r\n${line(1, "/a")}`);
    }
    const log = readLog(chunks());
    assertEquals((await listOf(log)).map(({ url }) => url.slice(16)), ["/a"]);
    assertEquals([log.summary.lines, log.summary.broken], [2, 1]);
  });

  it("reads what zstd packed, where the runtime unpacks it", async () => {
    const packed = Uint8Array.from(atob(ZSTD), (letter) => letter.charCodeAt(0));
    const list = listOf(readLog(chunksOf(packed, 7)));
    if (UNPACKS_ZSTD) assertEquals((await list).map(({ url }) => url.slice(16)), ["/a", "/b", "/c"]);
    else await assertRejects(() => list, TypeError, "zstdcat LOG | weir replay -");
  });

  it("reads zstd without a sum at its end to its last byte", { skip: !UNPACKS_ZSTD }, async () => {
    const { zstdCompressSync } = zlib as unknown as { zstdCompressSync(text: string): Uint8Array };
    const text = Array.from({ length: 50 }, (_, i) => line(i, `/${Math.imul(i, 0x9e3779b1)}`)).join("");
    const packed = zstdCompressSync(text);
    const plain = await listOf(read(text));
    for (const size of [1, 7, packed.length]) {
      assertEquals(await listOf(readLog(chunksOf(packed, size))), plain, `chunks of ${size}`);
    }
  });

  it("reads packed logs that were joined, as in `cat log.1.gz log.2.gz`, wherever the chunks end", async () => {
    const [a, b] = [line(1, "/a"), line(2, "/b")].map((text) => zlib.gzipSync(text));
    for (const size of [1, 2, 3, a.length, 10_000]) {
      const list = await listOf(readLog(chunksOf(joined(a, b, a), size)));
      assertEquals(list.map(({ url }) => url.slice(16)), ["/a", "/a", "/b"]);
    }
  });

  it("reads joined files of zstd, with frames that are to be skipped", { skip: !UNPACKS_ZSTD }, async () => {
    const packed = Uint8Array.from(atob(ZSTD), (letter) => letter.charCodeAt(0));
    const skipped = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    for (const size of [1, 2, 3, 7, packed.length - 2, packed.length + 2, 10_000]) {
      const list = await listOf(readLog(chunksOf(joined(packed, skipped, packed, packed), size)));
      assertEquals(list.length, 9, `chunks of ${size}`);
    }
  });

  it("reads the one member of a file of gzip by the web's way, where there is no node:zlib", async () => {
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (() => undefined) as never;
    try {
      const packed = zlib.gzipSync(line(1, "/a"));
      assertEquals((await listOf(readLog(chunksOf(packed, 7)))).length, 1);
      const damaged = listOf(readLog(chunksOf(packed.subarray(0, packed.length - 9))));
      await assertRejects(() => damaged, Error, "Cannot read a log packed with gzip as its bytes cannot");
      await assertRejects(() => listOf(readLog(failingAfter(packed))), Error, "the disk is gone");
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
  });

  it("ends in an error where a packed log is damaged, not in half of it", async () => {
    const packed = zlib.gzipSync(line(1, "/a").repeat(1000));
    const half = chunksOf(packed.subarray(0, packed.length >> 1));
    await assertRejects(
      () => listOf(readLog(half)),
      Error,
      "Cannot read a log packed with gzip as its bytes cannot be unpacked (",
    );
  });

  it("ends in the error of a source that fails", async () => {
    const text = Array.from({ length: 50 }, (_, i) => line(i, `/${i}`)).join("");
    for (const first of [new TextEncoder().encode(text), zlib.gzipSync(text)]) {
      await assertRejects(() => listOf(readLog(failingAfter(first))), Error, "the disk is gone");
    }
  });

  it("refuses what is no source, and chunks that are neither bytes nor text", async () => {
    for (const source of [null, undefined, 5, "access.log", {}, ["a line"], [null]]) {
      assertThrows(
        () => readLog(source as never),
        TypeError,
        "each source must be an async iterable of bytes or text",
      );
    }
    assertThrows(() => readLog(chunksOf(""), null as never), TypeError, "its options must be an object");
    for (const chunks of [[null], ["a\n", 5], [new Uint8Array(9), Symbol("chunk")]]) {
      const source = (async function* () {
        yield* chunks;
      })();
      await assertRejects(
        () => listOf(readLog(source as never)),
        TypeError,
        "its chunks must be bytes or text: current value is ",
      );
    }
  });
});
