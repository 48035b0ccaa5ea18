#!/bin/sh
# @upstash/ratelimit 2.2.0: `getRemaining` of a token bucket tells what was left after the last `limit`, and adds no token for the
# time since. Of tokenBucket(1, "10 s", 10), once emptied, it says 0 for 99 s, while nine tokens come back, and its `reset` lies
# in the past. A caller that asks before it spends holds back nine units that `limit` would let pass at once.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @upstash/ratelimit@2.2.0 @upstash/redis@1.39.0 ioredis@6.0.0 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.mjs <<'END'
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { Redis as Tcp } from "ioredis";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** Redis over HTTP. Upstash alone has the flags in a script's first line. */
const tcp = new Tcp({ path: process.argv[2] });
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const [command, ...words] = JSON.parse(Buffer.concat(parts).toString());
  const bare = words.map((word) => String(word).replace(/^#!lua.*\n/, ""));
  const answer = await tcp.call(command, ...bare).then((result) => ({ result }), (error) => ({ error: error.message }));
  response.writeHead(answer.error ? 400 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}`;
const redis = new Redis({ url, token: "t", enableTelemetry: false, enableAutoPipelining: false });

for (const name of ["@upstash/ratelimit", "@upstash/redis"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
/** The limiter reads the time here. Redis keeps its own, by which the bucket's key lives for 100 s. */
const from = Date.now();
let now = from;
Date.now = () => now;
const limiter = new Ratelimit({ redis, limiter: Ratelimit.tokenBucket(1, "10 s", 10), ephemeralCache: false });

for (let i = 0; i < 10; i++) await limiter.limit("client");
const told = [];
for (const seconds of [0, 15, 50, 99]) {
  now = from + seconds * 1000;
  const { remaining, reset } = await limiter.getRemaining("client");
  console.log(`${seconds} s after the last token: remaining ${remaining}, reset ${(reset - now) / 1000} s from now`);
  told.push(remaining);
}
let passed = 0;
for (let i = 0; i < 10; i++) if ((await limiter.limit("client")).success) passed++;
console.log(`then ${passed} of 10 calls of limit pass`);
process.exit(told.join() === "0,0,0,0" && passed === 9 ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs "$folder/s"
