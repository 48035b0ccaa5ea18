#!/bin/sh
# @nestjs-redis/throttler-storage 1.0.0, one of the Redis storages that the README of @nestjs/throttler 6.7.1 names: a refusal has
# Retry-After: -1796003453 or so in the place of the seconds that are left, as the storage takes the time since 1970 off the
# milliseconds that are left. axios-retry 4.5.0 then sends its three retries at once and gives up, where it waits and passes with
# the guard's own storage.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @nestjs/throttler@6.7.1 @nestjs-redis/throttler-storage@1.0.0 redis@6.3.1 \
  @nestjs/common@11.2.10 @nestjs/core@11.2.10 @nestjs/platform-express@11.2.10 reflect-metadata@0.2.2 rxjs@7.8.2 \
  axios@1.21.1 axios-retry@4.5.0 node@24.21.0 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.cjs <<'END'
require("reflect-metadata");
const { RedisThrottlerStorage } = require("@nestjs-redis/throttler-storage");
const { Controller, Get, Module } = require("@nestjs/common");
const { APP_GUARD, NestFactory } = require("@nestjs/core");
const { ThrottlerGuard, ThrottlerModule } = require("@nestjs/throttler");
const axios = require("axios");
const { default: axiosRetry } = require("axios-retry");
const { createClient } = require("redis");

class Hello {
  hello() {
    return "hello";
  }
}
Get()(Hello.prototype, "hello", Object.getOwnPropertyDescriptor(Hello.prototype, "hello"));
Controller()(Hello);

/** Asks twice where one request per 3 s is allowed, with retries: the Retry-After of each refusal, and the outcome. */
async function ask(title, storage) {
  class App {}
  Module({
    imports: [ThrottlerModule.forRoot({ throttlers: [{ ttl: 3000, limit: 1 }], ...(storage && { storage }) })],
    controllers: [Hello],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const client = axios.create({ baseURL: await app.getUrl() });
  const told = [];
  client.interceptors.response.use(undefined, (error) => {
    told.push(Number(error.response.headers["retry-after"]));
    throw error;
  });
  axiosRetry(client);
  await client.get("/");
  const from = Date.now();
  const outcome = await client.get("/").then(({ status }) => status, ({ response }) => `gave up, ${response.status}`);
  await app.close();
  console.log(`${title}: ${outcome} after ${Date.now() - from} ms, Retry-After ${told.join(", ")}`);
  return { outcome, told };
}
async function main() {
  for (const name of ["@nestjs/throttler", "@nestjs-redis/throttler-storage", "axios-retry"]) {
    console.log(name, require(`./node_modules/${name}/package.json`).version);
  }
  const redis = createClient({ socket: { path: process.argv[2] } });
  await redis.connect();
  const memory = await ask("in memory", undefined);
  const shared = await ask("in Redis", new RedisThrottlerStorage(redis));
  process.exit(
    memory.outcome === 200 && memory.told.join() === "3" && shared.outcome === "gave up, 429" && shared.told.length === 4 &&
      shared.told.every((seconds) => seconds < -1e9) ? 0 : 1,
  );
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs "$folder/s"
