#!/bin/sh
# @upstash/redis 1.39.0: a call whose `signal` aborts does not reject. It resolves to the signal's reason as if the database had
# answered so: to null for AbortSignal.timeout(), to 3 for abort("3"). With automatic pipelining, the default, it rejects, but
# with "res.map is not a function". A signal that is given as a function makes it reject with the reason. A limiter that bounds
# its calls by a plain signal reads an outage as an answer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @upstash/redis@1.39.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { Redis } from "@upstash/redis";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** A database that never answers. */
const server = createServer((request) => request.resume());
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}`;

function abortedWith(reason) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 200);
  return controller.signal;
}

console.log(`@upstash/redis ${JSON.parse(readFileSync("node_modules/@upstash/redis/package.json", "utf8")).version}`);
const heard = [];
for (const [title, options] of [
  ["signal: AbortSignal.timeout(200)", { signal: AbortSignal.timeout(200), enableAutoPipelining: false }],
  ['signal, aborted with "3"', { signal: abortedWith("3"), enableAutoPipelining: false }],
  ["the same, with automatic pipelining", { signal: abortedWith("3") }],
  ["signal: () => AbortSignal.timeout(200)", { signal: () => AbortSignal.timeout(200), enableAutoPipelining: false }],
]) {
  const outcome = await new Redis({ url, token: "t", ...options }).incr("counter")
    .then((value) => `resolves to ${JSON.stringify(value)}`, ({ name, message }) => `rejects, ${name}: ${message}`);
  console.log(`${title}: ${outcome}`);
  heard.push(outcome);
}
server.closeAllConnections();
server.close();
const isSo = heard[0] === "resolves to null" && heard[1].startsWith("resolves to") &&
  heard[2].startsWith("rejects, TypeError") && heard[3].startsWith("rejects, TimeoutError");
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
