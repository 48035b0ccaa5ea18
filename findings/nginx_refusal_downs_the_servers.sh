#!/bin/sh
# nginx 1.22.1 with `proxy_next_upstream ... http_429`, which is to send a request on to a server that has room: each 429 counts as a
# failure of the server that sent it, so that one refused request takes all servers out of the group for 10 s (`fail_timeout`), and
# every other client gets 502. Without `http_429`, or with `max_fails=0`, only the client above its limit is refused.
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
  access_log off;
  upstream here { server unix:$folder/app1; server unix:$folder/app2; }
  upstream next { server unix:$folder/app1; server unix:$folder/app2; }
  upstream next_no_fails { server unix:$folder/app1 max_fails=0; server unix:$folder/app2 max_fails=0; }
  server {
    listen unix:$folder/socket;
    location /here { proxy_pass http://here; }
    location /next { proxy_pass http://next; proxy_next_upstream error timeout http_429; }
    location /next_no_fails { proxy_pass http://next_no_fails; proxy_next_upstream error timeout http_429; }
  }
}
END
cat > try.mjs <<'END'
import { createServer, request } from "node:http";

/** Both servers refuse one client and serve the others. */
const app = ({ headers }, response) => response.writeHead(headers.client === "busy" ? 429 : 200).end();
for (const socket of ["app1", "app2"]) await new Promise((listening) => createServer(app).listen(socket, listening));
const status = (path, client) =>
  new Promise((resolve, reject) => {
    const options = { socketPath: "socket", path, headers: { client } };
    request(options, (response) => resolve(response.resume().statusCode)).on("error", reject).end();
  });
const found = {};
for (const path of ["/here", "/next", "/next_no_fails"]) {
  const statuses = [];
  for (const client of ["busy", "busy", "other", "another"]) statuses.push(`${client} ${await status(path, client)}`);
  found[path] = statuses.join(", ");
  console.log(`${path}: ${found[path]}`);
}
const fair = "busy 429, busy 429, other 200, another 200";
const isSo = found["/here"] === fair && found["/next_no_fails"] === fair &&
  found["/next"] === "busy 429, busy 502, other 502, another 502";
process.exit(isSo ? 0 : 1);
END
usr/sbin/nginx -v 2>&1
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
server=$!
until [ -S socket ]; do sleep 0.1; done
npx node try.mjs
grep -c "no live upstreams" error.log
