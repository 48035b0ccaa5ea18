#!/bin/sh
# @fastify/rate-limit 11.2.0: all limits of an app that `createRateLimit()` or `rateLimit()` makes with options of their own share one
# counter per client in Redis, by the key `...undefinedundefined-ADDRESS`. So a client that reads six times, which 100 may, is refused
# its first login, of which 5 may pass. In memory each has a counter of its own. `nameSpace` among such options has no effect; a
# `keyGenerator` that adds a name tells them apart.
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
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import rateLimit from "@fastify/rate-limit";
import { Redis } from "ioredis";

const redis = new Redis({ path: process.argv[2] });

/** Six reads and six logins of one client, where 100 and 5 per minute are allowed. */
async function trace(place, optionsOf) {
  await redis.flushall();
  const app = Fastify();
  await app.register(rateLimit, { global: false, timeWindow: 60_000, ...place });
  app.get("/read", { preHandler: app.rateLimit({ max: 100, ...optionsOf("read") }) }, () => "read");
  const check = app.createRateLimit({ max: 5, ...optionsOf("login") });
  app.post("/login", async (request, reply) => {
    const limit = await check(request);
    return limit.isExceeded ? reply.code(429).send() : "in";
  });
  const statuses = [];
  for (const [method, url] of [["GET", "/read"], ["POST", "/login"]]) {
    for (let i = 0; i < 6; i++) statuses.push((await app.inject({ method, url })).statusCode);
  }
  await app.close();
  return statuses.map((status) => (status === 200 ? "." : status === 429 ? "r" : "?")).join("");
}
for (const name of ["@fastify/rate-limit", "fastify", "ioredis"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const memory = await trace({}, () => ({}));
const shared = await trace({ redis }, () => ({}));
const keys = await redis.keys("*");
const spaced = await trace({ redis }, (nameSpace) => ({ nameSpace }));
const named = await trace({ redis }, (name) => ({ keyGenerator: ({ ip }) => `${name}-${ip}` }));
console.log("six reads of 100, six logins of 5 (r: refused)");
console.log(`  in memory: ${memory}\n  in Redis:  ${shared}, by ${keys}\n  ... with a nameSpace each: ${spaced}`);
console.log(`  ... with a keyGenerator each: ${named}`);
const own = "...........r";
const isSo = memory === own && shared === "......rrrrrr" && spaced === shared && named === own && keys.length === 1;
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
redis-server --version
node try.mjs "$folder/s"
