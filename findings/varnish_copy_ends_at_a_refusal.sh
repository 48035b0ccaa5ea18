#!/bin/sh
# Varnish 7.1.1: where the server refuses the background fetch of a page with 429, clients get that 429 from then on, though Varnish
# has a copy that it may serve for an hour more (grace). The rule of Varnish's own documentation, which keeps the copy at a 5xx,
# leaves 429 out; with `beresp.status >= 429` it keeps the copy at both.
# varnishd comes from Debian's package, unpacked in the folder; it needs gcc, libjemalloc2 and libedit2.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1
apt-get download varnish libvarnishapi3 >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" .; done
export LD_LIBRARY_PATH="$folder/usr/lib/$(gcc -print-multiarch)"

cat > try.mjs <<'END'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

let status = 200;
let asked = 0;
const server = createServer((request, response) => {
  asked++;
  const headers = status === 200 ? { "cache-control": "max-age=1" } : { "retry-after": "30" };
  response.writeHead(status, headers).end(status === 200 ? "page" : "refused");
}).listen("server");
await once(server, "listening");

async function ask(socketPath) {
  const [response] = await once(get({ socketPath }), "response");
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

/** The page once, and after its second, while the server answers with another status, four times more. */
async function trace(lowest, then) {
  const socket = `${process.cwd()}/v${lowest}-${then}`;
  writeFileSync("a.vcl", `vcl 4.1;
    backend default { .path = "${process.cwd()}/server"; }
    sub vcl_backend_response {
      set beresp.grace = 1h;
      if (beresp.status >= ${lowest} && bereq.is_bgfetch) { return (abandon); }
    }`);
  const varnish = spawn("usr/sbin/varnishd", ["-F", "-j", "none", "-n", `${socket}.d`, "-a", socket, "-f", `${process.cwd()}/a.vcl`, "-T", "none"]);
  status = 200;
  for (let i = 0; await ask(socket).catch(() => 0) !== 200; i++) {
    if (i === 100) {
      varnish.kill();
      throw new Error("Varnish does not start");
    }
    await sleep(100);
  }
  await sleep(1200);
  status = then;
  asked = 0;
  const statuses = [];
  for (let i = 0; i < 4; i++) {
    statuses.push(await ask(socket));
    await sleep(300);
  }
  console.log(`abandon from ${lowest}, the server answers ${then}: clients get ${statuses.join(", ")}; the server was asked ${asked} times`);
  varnish.kill();
  await once(varnish, "exit");
  return statuses.join(" ");
}
const away = await trace(500, 503);
const refused = await trace(500, 429);
const kept = await trace(429, 429);
server.close();
process.exit(away === "200 200 200 200" && refused === "200 429 429 429" && kept === away ? 0 : 1);
END
echo "node $(npx node --version)"
usr/sbin/varnishd -V 2>&1 | head -n 1
npx node try.mjs
