#!/bin/sh
# @datocms/cma-client-node 5.5.3 takes X-RateLimit-Reset for seconds to wait, whatever Retry-After says. Where it is Unix time, as
# GitHub and express-rate-limit have it, the wait is more ms than setTimeout can count, which makes it 1 ms: one call sends 20
# refused requests within 2.5 s. Where the header is missing it waits 1, 2, 3 s and so on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @datocms/cma-client-node@5.5.3 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { buildClient } from "@datocms/cma-client-node";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** So many requests of a call are refused, and the next one is answered. */
const REFUSED = 20;
let headers;
const asked = [];
const server = createServer((request, response) => {
  request.resume();
  asked.push(Date.now());
  const status = asked.length <= REFUSED ? 429 : 200;
  response.writeHead(status, { "content-type": "application/json", "retry-after": "60", ...headers }).end('{"data":{"type":"site","id":"1"}}');
}).listen(0, "127.0.0.1");
await once(server, "listening");
const baseUrl = `http://127.0.0.1:${server.address().port}`;
let warned = "";
process.on("warning", ({ name, message }) => warned ||= `${name}: ${message.split("\n")[0]}`);

/** The requests of one call within 2.5 s, where the server says that the next one may come in 60 s. */
async function ask(title, sent) {
  headers = sent;
  asked.length = 0;
  const outcome = await Promise.race([buildClient({ apiToken: "t", baseUrl }).site.find().then(() => "answered", String), sleep(2500, "waits")]);
  console.log(`${title}: ${outcome} within 2.5 s; requests: ${asked.length}`);
  return asked.length;
}
console.log("@datocms/cma-client-node", JSON.parse(readFileSync("node_modules/@datocms/cma-client-node/package.json", "utf8")).version);
const seconds = await ask("X-RateLimit-Reset: 60", { "x-ratelimit-reset": "60" });
const missing = await ask("Retry-After: 60 alone", {});
const unixTime = Math.floor(Date.now() / 1000) + 60;
const overflown = await ask(`X-RateLimit-Reset: ${unixTime}`, { "x-ratelimit-reset": String(unixTime) });
console.log(warned);
process.exit(seconds === 1 && missing === 2 && overflown === REFUSED + 1 && /overflow/i.test(warned) ? 0 : 1);
END
echo "node $(npx node --version)"
npx node --no-warnings try.mjs
