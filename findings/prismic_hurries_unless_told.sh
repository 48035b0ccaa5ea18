#!/bin/sh
# @prismicio/client 7.22.0: after a 429 without Retry-After it sends the next request at once, 20 refused ones of one call within
# two seconds. Its second of pause for such a case is not taken, as a missing header is null, and Number(null) is 0. With the
# header it waits as it is told.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @prismicio/client@7.22.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { createClient } from "@prismicio/client";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

console.warn = () => {}; // a hint at another form of the address
/** So many requests of a call are refused, and the next one is answered. */
const REFUSED = 20;
let headers;
let asked = 0;
const server = createServer((request, response) => {
  request.resume();
  asked++;
  const status = asked <= REFUSED ? 429 : 200;
  response.writeHead(status, { "content-type": "application/json", ...headers }).end('{"refs":[]}');
}).listen(0, "127.0.0.1");
await once(server, "listening");

/** The requests of one call within two seconds. */
async function ask(title, sent) {
  headers = sent;
  asked = 0;
  const client = createClient(`http://127.0.0.1:${server.address().port}/api/v2`);
  const ending = client.getRepository().then(() => "answered", (error) => error.message);
  const outcome = await Promise.race([ending, sleep(2000, "waits")]);
  console.log(`${title}: ${outcome} within 2 s; requests: ${asked}`);
  return { count: asked, outcome };
}
console.log("@prismicio/client", JSON.parse(readFileSync("node_modules/@prismicio/client/package.json", "utf8")).version);
const told = await ask("Retry-After: 1", { "retry-after": "1" });
const untold = await ask("no Retry-After", {});
process.exit(told.count <= 3 && untold.count === REFUSED + 1 && untold.outcome === "answered" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
