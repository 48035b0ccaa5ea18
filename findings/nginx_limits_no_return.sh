#!/bin/sh
# nginx 1.22.1: `limit_req` does nothing in a location that answers by `return`, and no line of the log says so: `return` ends a
# request before limits are looked at. A redirect, a maintenance page or a stub for a limit's trial lets everybody pass, where
# the same limit holds for a file and for an app beside it; $limit_req_status is empty there. A location that has the limit and
# hands on by `try_files` to one that has `return` limits. nginx comes from Debian's package, unpacked in the folder.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1
apt-get download nginx >/dev/null 2>&1
dpkg-deb -x nginx_*.deb .

mkdir www
echo file > www/file
cat > nginx.conf <<END
daemon off; master_process off; pid $folder/pid;
events {}
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  log_format limits "\$uri: \$status, limit_req_status \"\$limit_req_status\""; access_log $folder/access.log limits;
  limit_req_status 429;
  limit_req_zone \$uri zone=each:1m rate=1r/m;
  server {
    listen unix:$folder/socket; root $folder/www;
    limit_req zone=each;
    location /file { }
    location /app { proxy_pass http://unix:$folder/app:; }
    location /stub { return 200 ok; }
    location /moved { return 301 /file; }
    location /busy { return 503; }
    location /handed-on { try_files /none @stub; }
    location @stub { return 200 ok; }
  }
}
END
cat > try.mjs <<'END'
import { createServer, request } from "node:http";

const app = createServer((_request, response) => response.end("ok"));
await new Promise((listening) => app.listen("app", listening));
const status = (path) =>
  new Promise((resolve, reject) => {
    request({ socketPath: "socket", path }, (response) => resolve(response.resume().statusCode)).on("error", reject).end();
  });
const found = {};
for (const path of ["/file", "/app", "/stub", "/moved", "/busy", "/handed-on"]) {
  found[path] = `${await status(path)} ${await status(path)} ${await status(path)}`;
  console.log(`${path}, one per minute: ${found[path]}`);
}
const limited = ["/file", "/app", "/handed-on"].every((path) => found[path] === "200 429 429");
process.exit(
  limited && found["/stub"] === "200 200 200" && found["/moved"] === "301 301 301" && found["/busy"] === "503 503 503" ? 0 : 1,
);
END
usr/sbin/nginx -v 2>&1
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
server=$!
until [ -S socket ]; do sleep 0.1; done
npx node try.mjs
sort access.log | uniq -c
