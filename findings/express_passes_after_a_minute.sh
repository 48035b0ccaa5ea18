#!/bin/sh
# express-rate-limit 8.7.5 with `passOnStoreError: true` and rate-limit-redis 6.0.1: while Redis is away a request passes only once its
# client gives up, which by default is after 5 s with node-redis 6.3.1, and after more than a minute with ioredis 6.0.0, as that
# tries to connect 20 times, with pauses of up to 5 s. Until then the request has no answer, and its neighbours wait with it. ioredis
# with `maxRetriesPerRequest: 0`, and node-redis with `disableOfflineQueue: true`, let it pass within some ms.
# It takes a minute and a half. Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund express-rate-limit@8.7.5 rate-limit-redis@6.0.1 express@5.3.0 redis@6.3.1 ioredis@6.0.0 \
  >/dev/null 2>&1

cat > try.mjs <<'END'
import express from "express";
import { rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { RedisStore } from "rate-limit-redis";
import { createClient } from "redis";

const reserved = createServer().listen(0, "127.0.0.1");
await once(reserved, "listening");
const { port } = reserved.address();
reserved.close();
await once(reserved, "close");
const server = spawn("redis-server", ["--port", port, "--bind", "127.0.0.1", "--save", ""], { stdio: "ignore" });
process.on("exit", () => server.kill());

async function ofNodeRedis(options) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, ...options }).on("error", () => {});
  await client.connect();
  return (...words) => client.sendCommand(words);
}
async function ofIoredis(options) {
  const client = new Redis(port, options).on("error", () => {});
  await client.ping();
  return (...words) => client.call(...words);
}
/** An app that passes on errors of its store; its requests' milliseconds. */
async function appOf(sendCommand) {
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 100, passOnStoreError: true, store: new RedisStore({ sendCommand }) }));
  app.get("/", (_request, response) => response.end("ok"));
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  return async () => {
    const from = performance.now();
    const { status } = await fetch(`http://127.0.0.1:${http.address().port}/`);
    return { status, ms: Math.round(performance.now() - from) };
  };
}
for (const name of ["express-rate-limit", "rate-limit-redis", "redis", "ioredis"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
console.error = () => {}; // express-rate-limit prints each error that it passes on
await wait(500);
const apps = {
  "node-redis": await appOf(await ofNodeRedis({})),
  "ioredis": await appOf(await ofIoredis({})),
  "node-redis, disableOfflineQueue": await appOf(await ofNodeRedis({ disableOfflineQueue: true })),
  "ioredis, maxRetriesPerRequest: 0": await appOf(await ofIoredis({ maxRetriesPerRequest: 0 })),
};
for (const ask of Object.values(apps)) await ask();
server.kill("SIGKILL");
await once(server, "exit");
await wait(200);
const found = await Promise.all(Object.entries(apps).map(async ([name, ask]) => {
  const { status, ms } = await ask();
  console.log(`${name}: ${status} after ${ms} ms without Redis`);
  return status === 200 ? ms : NaN;
}));
const [nodeRedis, ioredis, ...quick] = found;
process.exit(nodeRedis > 4000 && nodeRedis < 20_000 && ioredis > 60_000 && quick.every((ms) => ms < 2000) ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
