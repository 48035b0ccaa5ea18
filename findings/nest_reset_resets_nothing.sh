#!/bin/sh
# @nestjs/throttler 6.7.1, with its own storage: X-RateLimit-Reset counts down to the end of a window at which nothing is reset, as
# each hit leaves a `ttl` after itself. A client that has used 9 of its 10 units late, and waits for as long as the header says,
# finds one unit, and is then blocked for a whole `ttl` from its first refusal on, the default of `blockDuration`: longer than
# until its hits are over.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @nestjs/throttler@6.7.1 @nestjs/common@12.5.1 @nestjs/core@12.5.1 \
  @nestjs/platform-express@12.5.1 reflect-metadata@0.2.2 rxjs@7.8.2 node@24.21.0 >/dev/null 2>&1

cat > try.cjs <<'END'
require("reflect-metadata");
const { Controller, Get, Module } = require("@nestjs/common");
const { APP_GUARD, NestFactory } = require("@nestjs/core");
const { ThrottlerGuard, ThrottlerModule } = require("@nestjs/throttler");

const [TTL_MS, LIMIT] = [60_000, 10];
/** The storage reads the time here, and sets no timer but one that removes what is over. */
const from = Date.now();
let now = from;
Date.now = () => now;

class App {}
class Hello {
  hello() {
    return "hello";
  }
}
Get()(Hello.prototype, "hello", Object.getOwnPropertyDescriptor(Hello.prototype, "hello"));
Controller()(Hello);
Module({
  imports: [ThrottlerModule.forRoot([{ ttl: TTL_MS, limit: LIMIT }])],
  controllers: [Hello],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})(App);

async function main() {
  console.log(`@nestjs/throttler ${require("./node_modules/@nestjs/throttler/package.json").version}, 10 per minute`);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const url = await app.getUrl();
  /** Asks that often: statuses, and the headers of the last answer. */
  async function ask(times) {
    const statuses = [];
    let headers;
    for (let i = 0; i < times; i++) ({ status: statuses[i], headers } = await fetch(url));
    const [remaining, reset, after] = ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"].map((name) => headers.get(name));
    console.log(`at ${(now - from) / 1000} s: ${statuses.join(" ")};`,
      after === null ? `X-RateLimit-Remaining: ${remaining}, X-RateLimit-Reset: ${reset}` : `Retry-After: ${after}`);
    return { statuses: statuses.join(), remaining, reset: Number(reset), after: Number(after) };
  }
  await ask(1);
  now += TTL_MS * 0.75;
  const late = await ask(LIMIT - 1);
  now += late.reset * 1000;
  const waited = await ask(2);
  await app.close();
  process.exit(
    late.remaining === "0" && late.reset === 15 && waited.statuses === "200,429" && waited.after === TTL_MS / 1000 ? 0 : 1,
  );
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs
