#!/bin/sh
# koa2-ratelimit 1.1.3 with its store in Redis sends `X-RateLimit-Reset: 1`, so 1970, from a client's second request on: it takes
# the seconds that the key has left for a time in ms. In memory the same header is the end of the window. With both its Retry-After
# is the whole window however little of it is left, so that a client which waits as long as it is told waits twice as long as it had
# to.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund koa2-ratelimit@1.1.3 koa@3.3.0 redis@6.3.1 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.cjs <<'END'
const { setTimeout: wait } = require("node:timers/promises");
const Koa = require("koa");
const { RateLimit } = require("koa2-ratelimit");
const RedisStore = require("koa2-ratelimit/src/RedisStore.js");

/** Three requests, the third 4 s later, where one per 5 s is allowed. */
async function answers(store) {
  const app = new Koa();
  app.use(RateLimit.middleware({ interval: { sec: 5 }, max: 1, ...(store && { store }) }));
  app.use((context) => {
    context.body = "ok";
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const found = [];
  for (let i = 0; i < 3; i++) {
    if (i === 2) await wait(4000);
    const { status, headers } = await fetch(`http://127.0.0.1:${server.address().port}/`);
    const reset = headers.get("x-ratelimit-reset");
    found.push({ status, retryAfter: headers.get("retry-after"), reset, year: new Date(reset * 1000).getUTCFullYear() });
  }
  server.close();
  return found;
}
async function main() {
  for (const name of ["koa2-ratelimit", "redis"]) console.log(name, require(`./node_modules/${name}/package.json`).version);
  const memory = await answers();
  const redis = await answers(new RedisStore({ socket: { path: process.argv[2] } }));
  console.log("in memory:", memory.map((found) => JSON.stringify(found)).join("\n  "));
  console.log("in Redis:", redis.map((found) => JSON.stringify(found)).join("\n  "));
  const statuses = [memory, redis].every((found) => found.map(({ status }) => status).join() === "200,429,429");
  const waits = [...memory.slice(1), ...redis.slice(1)].every(({ retryAfter }) => retryAfter === "5");
  const years = memory.every(({ year }) => year > 2025) && redis.slice(1).every(({ year }) => year === 1970);
  process.exit(statuses && waits && years ? 0 : 1);
}
main();
END
echo "node $(node --version)"
redis-server --version
node try.cjs "$folder/s"
