#!/bin/sh
# nginx 1.22.1 keeps the rate of `limit_req_zone` in whole thousandths of a request per second, rounded down: `rate=1r/m` is
# 0.016 r/s, so a client that sends one request per 60 s is refused, and the next one passes 62.5 s after the last. The error is
# 1 % at 2r/m and 4r/m, and nothing at 3r/m and 6r/m.
# It takes a minute. nginx comes from Debian's package, unpacked in the folder; its client is Node 24.21.0.
set -eu
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download nginx >/dev/null 2>&1
dpkg-deb -x nginx_*.deb .
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1

mkdir html
echo hello > html/hello
chmod -R a+rX .
cat > nginx.conf <<END
daemon off;
pid $folder/pid;
events {}
http {
  access_log off;
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  limit_req_zone \$binary_remote_addr zone=minute:1m rate=1r/m;
  limit_req_status 429;
  server {
    listen unix:$folder/socket;
    root $folder/html;
    location = /hello { limit_req zone=minute; }
  }
}
END
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
server=$!

cat > client.mjs <<'END'
import { request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
const ask = () =>
  new Promise((answer, failed) => {
    request({ socketPath: "socket", path: "/hello" }, (response) => answer(response.resume().statusCode))
      .on("error", failed).end();
  });
const first = await ask();
const start = performance.now();
const seconds = () => (performance.now() - start) / 1000;
await wait(60_500);
const afterAMinute = await ask();
while (await ask() !== 200) await wait(50);
console.log(`${first} at once, ${afterAMinute} after 60.5 s, 200 after ${seconds().toFixed(1)} s`);
END

sleep 1
found=$(npx node client.mjs)
echo "$(usr/sbin/nginx -v 2>&1), rate=1r/m: $found"
usr/sbin/nginx -v 2>&1 | grep -q "nginx/1.22.1"
echo "$found" | grep -q "^200 at once, 429 after 60.5 s, 200 after 62.[5-9] s$"
