#!/bin/sh
# In rate-limiter-flexible 11.4.0 a RateLimiterUnion whose store fails rejects with a plain object that holds the error, where each of
# its limiters rejects with the error itself. So code that tells an outage from a refusal by `instanceof Error`, as the package does
# in its own RateLimiterQueue, answers an outage of Redis with 429 to every client.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0 ioredis@6.0.0 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterUnion } from "rate-limiter-flexible";

const storeClient = new Redis({ path: process.argv[2], enableOfflineQueue: false, maxRetriesPerRequest: 0 });
storeClient.on("error", () => {});
await new Promise((ready) => storeClient.once("ready", ready));
const perSecond = new RateLimiterRedis({ storeClient, keyPrefix: "second", points: 10, duration: 1 });
const perHour = new RateLimiterRedis({ storeClient, keyPrefix: "hour", points: 100, duration: 3600 });

/** The status by which an app answers that tells an error from a refusal as RateLimiterQueue does. */
const status = (limiter) => limiter.consume("client").then(() => 200, (reason) => (reason instanceof Error ? 500 : 429));
const limiters = [perSecond, perHour, new RateLimiterUnion(perSecond, perHour)];
const ask = async () => (await Promise.all(limiters.map(status))).join(" ");

for (const name of ["rate-limiter-flexible", "ioredis"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const before = await ask();
const closed = new Promise((closed) => storeClient.once("close", closed));
process.kill(Number(process.argv[3]));
await closed;
const after = await ask();
const reason = await limiters[2].consume("client").catch((reason) => reason);
console.log(`per second, per hour, both by a union: ${before}; after Redis has ended: ${after}`);
console.log(`the union rejects with ${Object.entries(reason).map(([name, value]) => `${name}: ${value}`).join(", ")}`);
process.exit(before === "200 200 200" && after === "500 500 429" && reason.hour instanceof Error ? 0 : 1);
END
echo "node $(node --version)"
redis-server --version
node try.mjs "$folder/s" "$server" && server=""
test -z "$server"
