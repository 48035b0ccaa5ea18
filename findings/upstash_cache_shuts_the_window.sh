#!/bin/sh
# @upstash/ratelimit 2.2.0: with its in-memory cache, which is on by default, slidingWindow(10, "60 s") refuses a client from its
# first refusal on until the end of that minute of the clock, though the sliding window itself lets the next request pass some
# seconds later. So a client that asks at twice the limit gets 55 units where 100 are allowed, and one that asks 5% above it gets
# 87. `ephemeralCache: false` gives both of them 100. The cache keeps a refusal until `reset`, the end of the minute.
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

const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version}`;
console.log(`${version("@upstash/ratelimit")}, ${version("@upstash/redis")}`);
const limiter = Ratelimit.slidingWindow(10, "60 s");
const subjects = {
  "by default": new Ratelimit({ redis, limiter, prefix: "a" }),
  "ephemeralCache: false": new Ratelimit({ redis, limiter, prefix: "b", ephemeralCache: false }),
};
/** The limiter reads the time here, and waits for nothing: ten minutes are over in a second. */
let now = Math.ceil(Date.now() / 60_000) * 60_000;
Date.now = () => now;

/** Of a client that asks every so many ms for ten minutes, where the limit is 100: how many requests pass. */
async function passed(everyMs) {
  const traces = {};
  for (let i = 0; i < 600_000 / everyMs; i++) {
    for (const [title, ratelimit] of Object.entries(subjects)) {
      const { success, reason } = await ratelimit.limit(`client ${everyMs}`);
      traces[title] = (traces[title] ?? "") + (success ? "." : reason === "cacheBlock" ? "c" : "r");
    }
    now += everyMs;
  }
  console.log(`one request per ${everyMs / 1000} s for ten minutes (r: refused by Redis, c: by the cache)`);
  return Object.entries(traces).map(([title, trace]) => {
    const count = trace.split(".").length - 1;
    console.log(`  ${title}: ${count} pass of ${trace.length}, ${trace.slice(0, 100)}`);
    return count;
  });
}
const [twice, exactTwice] = await passed(3000);
now = Math.ceil(now / 60_000) * 60_000;
const [above, exactAbove] = await passed(5700);
process.exit(twice < 70 && exactTwice >= 100 && above < 90 && exactAbove >= 100 ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs "$folder/s"
