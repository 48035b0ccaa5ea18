#!/bin/sh
# retry-axios 4.0.3 gives up at once where a 429 says `Retry-After: 0`, or a date that is over, so where the client may come back
# at once; without the header it retries three times. koa-ratelimit 6.0.0 sends 0 in a window's last second: a request which is
# then refused fails, where one that was refused earlier is retried.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund retry-axios@4.0.3 axios@1.21.1 koa@3.3.0 koa-ratelimit@6.0.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import axios from "axios";
import Koa from "koa";
import limit from "koa-ratelimit";
import { attach } from "retry-axios";

async function listen(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  return server;
}
function clientOf(server) {
  const client = axios.create({ baseURL: `http://127.0.0.1:${server.address().port}/` });
  client.defaults.raxConfig = {};
  attach(client);
  return client;
}
/** One request to a server that refuses the first two. */
async function tries(headers) {
  let count = 0;
  const server = await listen((_, response) => response.writeHead(++count < 3 ? 429 : 200, headers).end());
  const { status } = await clientOf(server).get("").catch((error) => error.response);
  server.close();
  return `${status} after ${count}`;
}
/** A second request so many ms after the first, where one per 2.5 s is allowed. */
async function second(afterMs) {
  const app = new Koa();
  app.use(limit({ driver: "memory", db: new Map(), duration: 2500, max: 1, id: () => "one client" }));
  app.use((context) => {
    context.body = "ok";
  });
  const server = await listen(app.callback());
  const client = clientOf(server);
  await client.get("");
  await wait(afterMs);
  const { status, headers } = await client.get("").catch((error) => error.response);
  server.close();
  return `${status}${headers["retry-after"] ? `, Retry-After ${headers["retry-after"]}` : ""}`;
}
for (const name of ["retry-axios", "axios", "koa-ratelimit"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const found = {
  none: await tries({}),
  one: await tries({ "retry-after": "1" }),
  zero: await tries({ "retry-after": "0" }),
  over: await tries({ "retry-after": new Date(Date.now() - 1000).toUTCString() }),
};
console.log(`requests by Retry-After: none: ${found.none}, 1: ${found.one}, 0: ${found.zero}, a date that is over: ${found.over}`);
const late = await second(1800);
console.log(`koa-ratelimit, 700 ms before the window's end: ${late}`);
const isSo = found.none === "200 after 3" && found.one === "200 after 3" && found.zero === "429 after 1" &&
  found.over === "429 after 1" && late === "429, Retry-After 0";
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
