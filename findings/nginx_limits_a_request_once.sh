#!/bin/sh
# nginx 1.22.1: a request that `limit_req` has let pass is not limited again where try_files hands it to another location. So a
# loose limit in the location that it comes to first turns off the tight one of `location @requests`, which holds without it; the
# log says PASSED. `limit_conn` is the same.
# nginx comes from Debian's package, unpacked in the folder.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1
apt-get download nginx >/dev/null 2>&1
dpkg-deb -x nginx_*.deb .

cat > nginx.conf <<END
daemon off; master_process off; pid $folder/pid;
events {}
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  log_format limits "\$uri: \$status \$limit_req_status"; access_log $folder/access.log limits;
  limit_req_status 429; limit_conn_status 429;
  limit_req_zone \$server_name zone=all:1m rate=1000r/s;
  limit_req_zone \$uri zone=each:1m rate=1r/m;
  limit_conn_zone \$server_name zone=open:1m;
  limit_conn_zone \$uri zone=each_open:1m;
  server {
    listen unix:$folder/socket; server_name trial;
    location /alone/ { try_files \$uri @requests; }
    location /limited/ { limit_req zone=all burst=1000 nodelay; try_files \$uri @requests; }
    location @requests { limit_req zone=each; proxy_pass http://unix:$folder/app:; }
    location /alone_open/ { try_files \$uri @connections; }
    location /limited_open/ { limit_conn open 1000; try_files \$uri @connections; }
    location @connections { limit_conn each_open 1; proxy_pass http://unix:$folder/app:; }
  }
}
END
cat > try.mjs <<'END'
import { createServer, request } from "node:http";

const app = createServer((_request, response) => setTimeout(() => response.end("ok"), 1000));
await new Promise((listening) => app.listen("app", listening));
const status = (path) =>
  new Promise((resolve, reject) => {
    request({ socketPath: "socket", path }, (response) => resolve(response.resume().statusCode)).on("error", reject).end();
  });
const found = {};
for (const path of ["/alone/", "/limited/", "/alone_open/", "/limited_open/"]) {
  found[path] = (await Promise.all([path, path, path, path].map(status))).sort().join(" ");
  console.log(`${path}: four at once: ${found[path]}`);
}
const [one, all] = ["200 429 429 429", "200 200 200 200"];
process.exit(
  found["/alone/"] === one && found["/alone_open/"] === one && found["/limited/"] === all && found["/limited_open/"] === all ? 0 : 1,
);
END
usr/sbin/nginx -v 2>&1
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
server=$!
until [ -S socket ]; do sleep 0.1; done
npx node try.mjs
grep limited/: access.log | sort | uniq -c
