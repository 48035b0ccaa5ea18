#!/bin/sh
# Deno 2.9.5: `node:net` closes the descriptor of each Unix socket twice, right after each other. Where another thread of the
# process (a worker, SQLite, a call of `node:fs`) opens something between the two, the second one closes that: its next call
# fails with EBADF. Drivers of PostgreSQL and Redis reach a Unix socket through `node:net`. TCP connections are closed once,
# and 2.9.6 closes each Unix socket once. The script counts failed reads of a file beside 6,000 connections, in up to 20 runs.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > reader.mjs <<'END'
import fs from "node:fs";
const file = new URL("./reader.mjs", import.meta.url);
const bytes = new Uint8Array(8);
const stop = new Int32Array(await new Promise((got) => onmessage = ({ data }) => got(data)));
const seen = {};
while (Atomics.load(stop, 0) === 0) {
  try {
    const descriptor = fs.openSync(file, "r");
    for (let i = 0; i < 4; i++) fs.readSync(descriptor, bytes, 0, 8, 0);
    fs.closeSync(descriptor);
  } catch ({ code }) {
    seen[code] = (seen[code] ?? 0) + 1;
  }
}
postMessage(seen);
END

cat > connect.mjs <<'END'
import { once } from "node:events";
import { connect, createServer } from "node:net";
import process from "node:process";
const stop = new SharedArrayBuffer(4);
const reader = new Worker(new URL("./reader.mjs", import.meta.url), { type: "module" });
reader.postMessage(stop);
const server = createServer({ allowHalfOpen: false }, (socket) => socket.on("error", () => {}).resume());
server.listen(process.argv[2] === "unix" ? { path: "./s" } : { port: 0, host: "127.0.0.1" });
await once(server, "listening");
const address = server.address();
const where = typeof address === "string" ? { path: address } : { port: address.port, host: "127.0.0.1" };
for (let i = 0; i < 300; i++) {
  await Promise.all(Array.from({ length: 20 }, () => new Promise((closed) => {
    const socket = connect(where, () => socket.end());
    socket.on("error", () => {}).on("close", closed).resume();
  })));
}
Atomics.store(new Int32Array(stop), 0, 1);
const [{ data }] = await new Promise((got) => reader.onmessage = (event) => got([event]));
console.log(JSON.stringify(data));
process.exit(0);
END

npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.5 >/dev/null 2>&1
mv node_modules old
npm install --silent --no-audit --no-fund deno@2.9.6 >/dev/null 2>&1
mv node_modules new

# Codes of the failed reads, from the first of 20 runs that has any: the folder of a Deno, the transport.
failed_reads() {
  run=0
  seen="{}"
  while [ "$run" -lt 20 ] && [ "$seen" = "{}" ]; do
    rm -f s
    seen=$("$1/.bin/deno" run -A --quiet connect.mjs "$2")
    run=$((run + 1))
  done
  echo "$("$1/.bin/deno" --version | head -n 1), $2: failed reads $seen in run $run of 20"
}

unix=$(failed_reads old unix)
echo "$unix"
tcp=$(failed_reads old tcp)
echo "$tcp"
mended=$(failed_reads new unix)
echo "$mended"
case "$unix" in *'"EBADF":'*) ;; *) exit 1 ;; esac
case "$tcp" in *'failed reads {} in run 20 of 20') ;; *) exit 1 ;; esac
case "$mended" in *'failed reads {} in run 20 of 20') ;; *) exit 1 ;; esac
