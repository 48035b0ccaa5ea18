#!/bin/sh
# nginx 1.22.1 and undici 8.13.1 store a 429 that has `Cache-Control: max-age`, which RFC 6585 (section 4) forbids: nginx sends one
# client's refusal to the others, and undici's cache interceptor keeps it for its max-age, whatever Retry-After says. Where an app
# puts Cache-Control on all of its answers, one client above its limit so takes the page from everybody.
# nginx comes from Debian's package, unpacked in the folder.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 undici@8.13.1 >/dev/null 2>&1
apt-get download nginx >/dev/null 2>&1
dpkg-deb -x nginx_*.deb .

cat > nginx.conf <<END
daemon off; master_process off; pid $folder/pid;
events {}
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  proxy_cache_path $folder/cache keys_zone=pages:1m;
  server {
    listen unix:$folder/socket;
    location / { proxy_cache pages; proxy_pass http://unix:$folder/app:; }
  }
}
END
cat > try.mjs <<'END'
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Agent, interceptors, request } from "undici";

/** Each client may ask once per second. */
const passed = new Map();
const app = createServer(({ url, headers }, response) => {
  const isRefused = Date.now() - (passed.get(headers.client) ?? 0) < 1000;
  if (!isRefused) passed.set(headers.client, Date.now());
  response.writeHead(isRefused ? 429 : 200, {
    "cache-control": url === "/kept" ? "public, max-age=60" : "no-store",
    ...(isRefused && { "retry-after": "1" }),
  });
  response.end();
});
await new Promise((listening) => app.listen("app", listening));

/** What two clients get by one cache: the one above its limit, the other, and the first again after its Retry-After. */
async function statuses(dispatcher, path) {
  passed.set("first", Date.now()).delete("second");
  const found = [];
  for (const client of ["first", "second", "first"]) {
    if (found.length === 2) await wait(1100);
    const { statusCode, body } = await request(`http://trial.test${path}`, { dispatcher, headers: { client } });
    await body.dump();
    found.push(statusCode);
  }
  return found.join(" ");
}
console.log(`undici ${JSON.parse(readFileSync("node_modules/undici/package.json", "utf8")).version}`);
const caches = {
  nginx: () => new Agent({ connect: { socketPath: "socket" } }),
  undici: () => new Agent({ connect: { socketPath: "app" } }).compose(interceptors.cache()),
};
let isSo = true;
for (const [name, dispatcher] of Object.entries(caches)) {
  const kept = await statuses(dispatcher(), "/kept");
  const fresh = await statuses(dispatcher(), "/fresh");
  console.log(`${name}: a refused client, another, the first after its Retry-After: max-age=60: ${kept}; no-store: ${fresh}`);
  isSo &&= kept === "429 429 429" && fresh === "429 200 200";
}
process.exit(isSo ? 0 : 1);
END
usr/sbin/nginx -v 2>&1
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
server=$!
until [ -S socket ]; do sleep 0.1; done
npx node try.mjs
