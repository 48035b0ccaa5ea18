#!/bin/sh
# @nest-lab/throttler-storage-redis 1.2.0, one of the Redis storages that the README of @nestjs/throttler 6.7.1 names: it counts
# requests that it refuses. A client that keeps asking at twice the limit finds the counter used up as soon as its block is over,
# and is blocked again, for ever. The guard's own storage in memory counts no refused request, and lets the same client pass,
# ten requests per block. jmcdo29/nest-lab#63 has a change.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @nestjs/throttler@6.7.1 @nest-lab/throttler-storage-redis@1.2.0 ioredis@6.0.0 \
  @nestjs/common@11.2.10 @nestjs/core@11.2.10 @nestjs/platform-express@11.2.10 reflect-metadata@0.2.2 rxjs@7.8.2 node@24.21.0 \
  >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > try.cjs <<'END'
require("reflect-metadata");
const { setTimeout: pause } = require("node:timers/promises");
const { ThrottlerStorageRedisService } = require("@nest-lab/throttler-storage-redis");
const { Controller, Get, Module } = require("@nestjs/common");
const { APP_GUARD, NestFactory } = require("@nestjs/core");
const { ThrottlerGuard, ThrottlerModule } = require("@nestjs/throttler");
const { Redis } = require("ioredis");

class Hello {
  hello() {
    return "hello";
  }
}
Get()(Hello.prototype, "hello", Object.getOwnPropertyDescriptor(Hello.prototype, "hello"));
Controller()(Hello);

/** Of a client that asks every 100 ms for 20 s, where 10 per 2 s are allowed: how many requests pass. */
async function passed(title, storage) {
  class App {}
  Module({
    imports: [ThrottlerModule.forRoot({ throttlers: [{ ttl: 2000, limit: 10 }], ...(storage && { storage }) })],
    controllers: [Hello],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const url = await app.getUrl();
  let trace = "";
  for (let i = 0; i < 200; i++) {
    const { status } = await fetch(url);
    trace += status === 200 ? "." : status === 429 ? "r" : "?";
    await pause(100);
  }
  await app.close();
  const count = trace.split(".").length - 1;
  console.log(`${title}: ${count} of 200 pass, ${trace.slice(0, 100)}`);
  return trace.includes("?") ? NaN : count;
}
async function main() {
  for (const name of ["@nestjs/throttler", "@nest-lab/throttler-storage-redis"]) {
    console.log(name, require(`./node_modules/${name}/package.json`).version);
  }
  const redis = new Redis({ path: process.argv[2] });
  const counts = await Promise.all([passed("in memory", undefined), passed("in Redis", new ThrottlerStorageRedisService(redis))]);
  process.exit(counts[0] >= 50 && counts[1] <= 15 ? 0 : 1);
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs "$folder/s"
