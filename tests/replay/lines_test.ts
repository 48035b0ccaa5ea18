/** The lines of logs: packed, in chunks of any size, cut off. */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import * as zlib from "node:zlib";
import { readLog } from "../../src/replay/mod.ts";
import { chunksOf, listOf } from "./logs.ts";

/** The lines of /a, /b and /c at the seconds 1 to 3, packed by `zstd -19`. */
const ZSTD =
  "KLUv/SThnQIAwsQPEZB96RVDcWAFituk0vm+vuIM99gHoYYOI3Rq9+9giClRyte1tGwuNHXRxpkfhpyp9y8Zw7J+9ujRhjxx8ssEBiCwcweLyAeJURZynGdgPgFSXaU8";

const line = (second: number, path: string, agent = '"a"') =>
  `192.0.2.1 - - [29/Nov/2026:04:30:${
    String(second).padStart(2, "0")
  } +0000] "GET ${path} HTTP/1.1" 200 5 "-" ${agent}\n`;

const read = (text: string) => readLog(chunksOf(text));

describe("readLog, lines", () => {
  it("reads what gzip packed, and text in chunks of any size", async () => {
    const text = Array.from({ length: 50 }, (_, i) => line(i, `/é${i}`)).join("");
    const plain = await listOf(read(text));
    assertEquals(plain.length, 50);
    assertEquals(await listOf(readLog(chunksOf(zlib.gzipSync(text), 7))), plain);
    for (const size of [1, 3, 64, 10_000]) assertEquals(await listOf(readLog(chunksOf(text, size))), plain);
    assertEquals(await listOf(readLog(chunksOf(text.replaceAll("\n", "\r\n")))), plain);
    assertEquals(await listOf(readLog(chunksOf(text.trimEnd()))), plain);
  });

  it("reads what zstd packed, where the runtime unpacks it", async () => {
    const packed = Uint8Array.from(atob(ZSTD), (letter) => letter.charCodeAt(0));
    const list = listOf(readLog(chunksOf(packed, 7)));
    const unpacks = typeof (zlib as { createZstdDecompress?: unknown }).createZstdDecompress === "function";
    if (unpacks) assertEquals((await list).map(({ url }) => url.slice(16)), ["/a", "/b", "/c"]);
    else await assertRejects(() => list, TypeError, "zstdcat LOG | weir replay -");
  });

  it("ends in an error where a packed log is damaged, not in half of it", async () => {
    const packed = zlib.gzipSync(line(1, "/a").repeat(1000));
    await assertRejects(() => listOf(readLog(chunksOf(packed.subarray(0, packed.length >> 1)))));
  });
});
