#!/bin/sh
# memcached 1.6.18 takes an expiry above 30 days for a Unix time, which is in 1970, and forgets the value at once. rate-limit-memcached
# 1.0.1, a store of express-rate-limit 8.7.5, and RateLimiterMemcache of rate-limiter-flexible 11.4.0 send a window's seconds as they
# are. So a limit per 31 days refuses nobody, without an error, and each response says that one request has been used; a limit per 30
# days holds.
# memcached comes from Debian's packages, unpacked in the folder.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund rate-limit-memcached@1.0.1 express-rate-limit@8.7.5 express@5.3.0 memcached@2.2.2 \
  rate-limiter-flexible@11.4.0 >/dev/null 2>&1
apt-get download memcached libevent-2.1-7 >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
usr/bin/memcached --version

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port) ?? s.close())')
usr/bin/memcached -u "$(id -un)" -l 127.0.0.1 -p "$port" &
server=$!

cat > try.mjs <<'END'
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import express from "express";
import { rateLimit } from "express-rate-limit";
import Memcached from "memcached";
import { MemcachedStore } from "rate-limit-memcached";
import { RateLimiterMemcache } from "rate-limiter-flexible";

const location = `127.0.0.1:${process.argv[2]}`;
const isUp = () =>
  new Promise((resolve) => {
    const socket = connect(process.argv[2], "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
while (!(await isUp())) await wait(50);

/** Ten requests of one client, where two per so many days are allowed. */
async function ofExpress(days) {
  const store = new MemcachedStore({ locations: [location], prefix: `${days}:` });
  const app = express();
  app.use(rateLimit({ windowMs: days * 86_400_000, limit: 2, store }));
  app.get("/", (_, response) => response.end());
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  let statuses = "";
  let used;
  for (let i = 0; i < 10; i++) {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
    statuses += response.status === 200 ? "." : response.status === 429 ? "r" : "?";
    used = 2 - response.headers.get("x-ratelimit-remaining");
  }
  server.close();
  return `${statuses}, ${used} used`;
}
async function ofFlexible(days) {
  const limiter = new RateLimiterMemcache({ storeClient: new Memcached(location), points: 2, duration: days * 86_400 });
  let statuses = "";
  let used;
  for (let i = 0; i < 10; i++) {
    const result = await limiter.consume(`client-${days}`).then((result) => result, (reason) => reason);
    statuses += result instanceof Error ? "?" : result.consumedPoints > 2 ? "r" : ".";
    used = result.consumedPoints;
  }
  return `${statuses}, ${used} used`;
}
for (const name of ["rate-limit-memcached", "express-rate-limit", "rate-limiter-flexible", "memcached"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const found = [];
for (const days of [30, 31]) {
  found.push(await ofExpress(days), await ofFlexible(days));
  console.log(`two per ${days} days (r: refused): rate-limit-memcached ${found.at(-2)}; rate-limiter-flexible ${found.at(-1)}`);
}
const held = "..rrrrrrrr";
const isSo = found[0] === `${held}, 2 used` && found[1].startsWith(held) && found[2] === ".........., 1 used" && found[3] === found[2];
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs "$port"
