#!/bin/sh
# @upstash/redis 1.39.0: `retry: false` still sends a command a second time where the answer to the first got lost, so that one
# INCR counts two. `retry: { retries: 0 }` sends it once, and the default six times. A limiter that charges over this client
# refuses its own clients early after a lost answer.
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

/** A database that runs each command and loses each answer: the connection ends instead. */
let counter = 0;
const server = createServer((request) => {
  request.resume().on("end", () => {
    counter++;
    request.socket.destroy();
  });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}`;

console.log(`@upstash/redis ${JSON.parse(readFileSync("node_modules/@upstash/redis/package.json", "utf8")).version}`);
const counted = [];
for (const options of [{ retry: { retries: 0 } }, { retry: false }, {}]) {
  counter = 0;
  const answer = await new Redis({ url, token: "t", enableTelemetry: false, ...options }).incr("counter")
    .then((n) => `answer ${n}`, (error) => `${error.name}: ${error.message}`);
  console.log(`${JSON.stringify(options)}: one INCR, "${answer}", counter ${counter}`);
  counted.push(counter);
}
server.close();
process.exit(counted.join() === "1,2,6" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
