#!/bin/sh
# In Node 24.21.0 and Deno 2.9.6 node:zlib unpacks of joined zstd files (`cat monday.zst tuesday.zst`, one frame after the other,
# as RFC 8878 section 3.1 has it) the first frame alone, without an error: a stream drops what follows a frame in the same chunk,
# and zstdDecompressSync drops all that follows. So a joined log is read to the end of its first day, or to a place that depends
# on how the chunks fall. Bun 1.4.5 reads all of it, and so do all three of gzip.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > joined.mjs <<'END'
import { once } from "node:events";
import zlib from "node:zlib";
const days = ["monday\n", "tuesday\n"];

async function streamed(unpacker, chunks) {
  const ended = once(unpacker, "end");
  let text = "";
  unpacker.on("data", (bytes) => text += bytes);
  for (const chunk of chunks) unpacker.write(chunk);
  unpacker.end();
  await ended;
  return text.replaceAll("\n", " ").trim();
}

const zstd = days.map((day) => zlib.zstdCompressSync(day));
const gzip = days.map((day) => zlib.gzipSync(day));
console.log([
  `zstd, one chunk: ${await streamed(zlib.createZstdDecompress(), [Buffer.concat(zstd)])}`,
  `a chunk per frame: ${await streamed(zlib.createZstdDecompress(), zstd)}`,
  `at once: ${String(zlib.zstdDecompressSync(Buffer.concat(zstd))).trim().replaceAll("\n", " ")}`,
  `gzip, one chunk: ${await streamed(zlib.createGunzip(), [Buffer.concat(gzip)])}`,
].join("; "));
END

on_node=$(npx node joined.mjs)
echo "node $(npx node --version): $on_node"
on_deno=$(npx deno run --quiet joined.mjs)
echo "deno $(npx deno eval 'console.log(Deno.version.deno)'): $on_deno"
on_bun=$(npx bun joined.mjs)
echo "bun $(npx bun --version): $on_bun"
both="monday tuesday"
for each in "$on_node" "$on_deno"; do
  [ "$each" = "zstd, one chunk: monday; a chunk per frame: $both; at once: monday; gzip, one chunk: $both" ]
done
[ "$on_bun" = "zstd, one chunk: $both; a chunk per frame: $both; at once: $both; gzip, one chunk: $both" ]
