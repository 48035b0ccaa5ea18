#!/bin/sh
# koa-ratelimit 6.0.0 rounds Retry-After down, to 0 within a window's last second: a client that waits as long as it is told is
# refused again, and told to come back at once. axios-retry 4.5.0 obeys, and has used up its three retries some ms later, though
# the client would have passed in less than a second. The middleware's X-RateLimit-Reset is a fraction.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund koa-ratelimit@6.0.0 koa@3.3.0 axios@1.21.1 axios-retry@4.5.0 >/dev/null 2>&1

cat > try.cjs <<'END'
const axios = require("axios");
const { default: axiosRetry } = require("axios-retry");
const Koa = require("koa");
const limit = require("koa-ratelimit");

const WINDOW_MS = 2900;

async function main() {
  const app = new Koa();
  app.use(limit({ driver: "memory", db: new Map(), duration: WINDOW_MS, max: 1, id: () => "one client" }));
  app.use((context) => {
    context.body = "ok";
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));

  const client = axios.create({ baseURL: `http://127.0.0.1:${server.address().port}/` });
  const told = [];
  axiosRetry(client, { onRetry: (_count, { response }) => told.push(response.headers["retry-after"]) });
  const from = Date.now();
  await client.get("");
  const { response } = await client.get("").catch((error) => error);
  const { status, headers, data } = response;
  console.log(`Retry-After ${told.join(", ")}; gave up after ${Date.now() - from} of ${WINDOW_MS} ms`);
  console.log(`${status}, X-RateLimit-Reset ${headers["x-ratelimit-reset"]}, "${data}"`);
  server.close();
  process.exit(status === 429 && told.join() === "2,0,0" && Date.now() - from < WINDOW_MS ? 0 : 1);
}
for (const name of ["koa-ratelimit", "axios-retry"]) console.log(name, require(`./node_modules/${name}/package.json`).version);
main();
END
echo "node $(node --version)"
node try.cjs
