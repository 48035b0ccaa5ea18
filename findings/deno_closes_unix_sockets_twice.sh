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

# Codes of the failed reads, from the first run that has any: the version, the transport.
failed_reads() {
  npm install --silent --no-audit --no-fund --prefix "$1" "deno@$1" >/dev/null 2>&1
  run=0
  seen="{}"
  while [ "$run" -lt 20 ] && [ "$seen" = "{}" ]; do
    rm -f s
    seen=$("$1/node_modules/.bin/deno" run -A --quiet connect.mjs "$2")
    run=$((run + 1))
  done
  echo "deno $1, $2: failed reads ${seen}, run $run of 20"
}

old=$(failed_reads 2.9.5 unix)
echo "$old"
tcp=$(failed_reads 2.9.5 tcp)
echo "$tcp"
new=$(failed_reads 2.9.6 unix)
echo "$new"
case "$old" in *'"EBADF":'*) ;; *) exit 1 ;; esac
[ "$tcp" = "deno 2.9.5, tcp: failed reads {}, run 20 of 20" ] &&
  [ "$new" = "deno 2.9.6, unix: failed reads {}, run 20 of 20" ]
