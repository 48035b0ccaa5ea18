#!/bin/sh
# @nestjs/throttler 6.7.1: where a throttler has a name, as in its documentation's example of a short and a long window, a refusal
# has no Retry-After but a header with the name at its end, such as Retry-After-long. No client reads that: axios-retry 4.5.0,
# which waits for Retry-After, sends its three retries at once and gives up. Beside it stand X-RateLimit headers of the
# throttlers that were asked before, with units left.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @nestjs/throttler@6.7.1 @nestjs/common@12.5.1 @nestjs/core@12.5.1 \
  @nestjs/platform-express@12.5.1 reflect-metadata@0.2.2 rxjs@7.8.2 axios@1.21.1 axios-retry@4.5.0 node@24.21.0 >/dev/null 2>&1

cat > try.cjs <<'END'
require("reflect-metadata");
const { Controller, Get, Module } = require("@nestjs/common");
const { APP_GUARD, NestFactory } = require("@nestjs/core");
const { ThrottlerGuard, ThrottlerModule } = require("@nestjs/throttler");
const axios = require("axios");
const { default: axiosRetry } = require("axios-retry");

class Hello {
  hello() {
    return "hello";
  }
}
Get()(Hello.prototype, "hello", Object.getOwnPropertyDescriptor(Hello.prototype, "hello"));
Controller()(Hello);

/** Asks three times of two, with retries: how often the server was asked, and when it answered at last. */
async function ask(throttlers) {
  class App {}
  const providers = [{ provide: APP_GUARD, useClass: ThrottlerGuard }];
  Module({ imports: [ThrottlerModule.forRoot(throttlers)], controllers: [Hello], providers })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const client = axios.create({ baseURL: await app.getUrl() });
  const refusals = [];
  client.interceptors.response.use(undefined, (error) => {
    refusals.push(error.response.headers);
    throw error;
  });
  axiosRetry(client);
  for (let i = 0; i < 2; i++) await client.get("/");
  const outcome = await client.get("/").then(({ status }) => status, ({ response }) => `gave up, ${response.status}`);
  await app.close();
  const sent = Object.entries(refusals[0]).filter(([name]) => /rate|retry/.test(name));
  console.log(`${throttlers.map(({ name }) => name ?? "no name").join(", ")}: ${outcome}, refused ${refusals.length} times;`,
    sent.map(([name, value]) => `${name}: ${value}`).join(", "));
  return { outcome, refusals };
}
async function main() {
  console.log(`@nestjs/throttler ${require("./node_modules/@nestjs/throttler/package.json").version}`);
  const unnamed = await ask([{ ttl: 5000, limit: 2 }]);
  const named = await ask([{ name: "short", ttl: 1000, limit: 100 }, { name: "long", ttl: 60_000, limit: 2 }]);
  const [first] = named.refusals;
  process.exit(
    unnamed.outcome === 200 && unnamed.refusals.length === 1 && named.outcome === "gave up, 429" &&
      named.refusals.length === 4 && first["retry-after"] === undefined && first["retry-after-long"] === "60" ? 0 : 1,
  );
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs
