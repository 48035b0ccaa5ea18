#!/bin/sh
# @fastify/rate-limit 11.2.0 with `exponentialBackoff: true`: in memory, its default store, each refusal doubles Retry-After, and
# the client passes all the same one `timeWindow` after its last request. So a client that waits as it is told is away for hours where
# one that does not is back within the window. In Redis the block lasts as long as it is told (fastify/fastify-rate-limit#462).
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @fastify/rate-limit@11.2.0 fastify@5.12.8 ioredis@6.0.0 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.mjs <<'END'
import Fastify from "fastify";
import rateLimit from "@fastify/rate-limit";
import { Redis } from "ioredis";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One request of one per second, then fourteen more at once, and one after 1.5 s. */
async function trace(title, place) {
  const app = Fastify();
  await app.register(rateLimit, { max: 1, timeWindow: 1000, exponentialBackoff: true, ...place });
  app.get("/", () => "hello");
  const told = [];
  for (let i = 0; i < 15; i++) told.push((await app.inject("/")).headers["retry-after"]);
  await sleep(1500);
  const { statusCode } = await app.inject("/");
  await app.close();
  console.log(`${title}: Retry-After ${told.slice(1).join(", ")}; 1.5 s later: ${statusCode}`);
  return { told: Number(told.at(-1)), statusCode };
}
for (const name of ["@fastify/rate-limit", "fastify", "ioredis"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const redis = new Redis({ path: process.argv[2] });
const memory = await trace("in memory", {});
const shared = await trace("in Redis", { redis });
process.exit(memory.told > 3600 && memory.statusCode === 200 && shared.told > 3600 && shared.statusCode === 429 ? 0 : 1);
END
echo "node $(node --version)"
redis-server --version
node try.mjs "$folder/s"
