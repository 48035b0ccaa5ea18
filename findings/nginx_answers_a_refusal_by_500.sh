#!/bin/sh
# nginx 1.22.1: where `auth_request` asks a limiter, the limiter's 429 becomes a 500 for the client, without Retry-After, and an error
# in the log for each: it takes 401 and 403 alone for an answer, and all else but success for a fault. Clients that wait for
# Retry-After do not, and monitors report a broken server. Caddy 2.6.2's `forward_auth` hands the 429 on as it is. In nginx
# `error_page 500 = @refused`, with the subrequest's status kept by `auth_request_set`, makes a 429 of it again.
# nginx and Caddy come from Debian's packages, unpacked in the folder.
set -eu
servers=""
folder=$(mktemp -d)
trap 'test -z "$servers" || kill $servers; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1
apt-get download nginx caddy >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" .; done

cat > nginx.conf <<END
daemon off; master_process off; pid $folder/pid;
events {}
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  server {
    listen unix:$folder/nginx;
    location = /limit { internal; proxy_pass http://unix:$folder/limiter; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location / { auth_request /limit; proxy_pass http://unix:$folder/app; }
    location /told {
      auth_request /limit; auth_request_set \$said \$upstream_status; auth_request_set \$wait \$upstream_http_retry_after;
      error_page 500 = @refused;
      proxy_pass http://unix:$folder/app;
    }
    location @refused {
      if (\$said != 429) { return 500; }
      add_header Retry-After \$wait always;
      return 429;
    }
  }
}
END
cat > Caddyfile <<END
{
  admin off
  auto_https off
}
http:// {
  bind unix/$folder/caddy
  forward_auth unix/$folder/limiter {
    uri /limit
  }
  reverse_proxy unix/$folder/app
}
END
cat > try.mjs <<'END'
import { createServer, request } from "node:http";

let left = Infinity;
const limiter = createServer((_request, response) => {
  if (left-- > 0) response.end();
  else response.writeHead(429, { "retry-after": "30" }).end("too many requests");
});
await new Promise((listening) => limiter.listen("limiter", listening));
const app = createServer((_request, response) => response.end("ok"));
await new Promise((listening) => app.listen("app", listening));
const ask = (socketPath, path) =>
  new Promise((resolve, reject) => {
    request({ socketPath, path, headers: { host: "localhost" } }, (response) => {
      response.resume();
      resolve(`${response.statusCode}, Retry-After ${response.headers["retry-after"] ?? "missing"}`);
    }).on("error", reject).end();
  });
const found = [];
for (const [name, socket, path] of [["auth_request", "nginx", "/"], ["with error_page", "nginx", "/told"], ["forward_auth", "caddy", "/"]]) {
  left = 1;
  found.push(`${await ask(socket, path)}; ${await ask(socket, path)}`);
  console.log(`${name}, of one allowed and one refused request: ${found.at(-1)}`);
}
limiter.close();
app.close();
const passed = "200, Retry-After missing; ";
const expected = ["500, Retry-After missing", "429, Retry-After 30", "429, Retry-After 30"];
process.exit(expected.every((refusal, i) => found[i] === passed + refusal) ? 0 : 1);
END
usr/sbin/nginx -v 2>&1
echo "caddy $(usr/bin/caddy version)"
usr/sbin/nginx -p "$folder" -c nginx.conf -e error.log &
servers=$!
HOME=$folder usr/bin/caddy run --config Caddyfile --adapter caddyfile >caddy.log 2>&1 &
servers="$servers $!"
until [ -S nginx ] && [ -S caddy ]; do
  kill -0 $servers
  sleep 0.1
done
npx node try.mjs
grep -o 'auth request unexpected status: [0-9]*' error.log | sort | uniq -c
