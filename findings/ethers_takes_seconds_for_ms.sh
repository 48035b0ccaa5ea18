#!/bin/sh
# ethers 6.17.0: it takes the seconds of Retry-After for ms. Refused with `Retry-After: 3`, a request of its FetchRequest, and so each
# call of its JsonRpcProvider, is sent twelve times within some ms and then fails; without the header it backs off for some seconds
# and more, by slots of 250 ms. `setThrottleParams({ slotInterval })` has no effect where the header is there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ethers@6.17.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { FetchRequest, JsonRpcProvider, Network } from "ethers";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

let headers;
const asked = [];
const server = createServer((request, response) => {
  request.resume();
  asked.push(Date.now());
  response.writeHead(429, { "content-type": "application/json", ...headers }).end("{}");
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}`;

/** How many requests there were within two seconds of the first. */
async function ask(title, sent, send) {
  headers = sent;
  asked.length = 0;
  const ending = send().then(() => "answered", (error) => error.shortMessage ?? error.message);
  const outcome = await Promise.race([ending, sleep(2000, "still trying")]);
  console.log(`${title}: ${outcome}; ${asked.length} requests, at ${asked.map((at) => at - asked[0]).join(", ")} ms`);
  return { count: asked.length, outcome };
}
console.log("ethers", JSON.parse(readFileSync("node_modules/ethers/package.json", "utf8")).version);
const provider = new JsonRpcProvider(url, undefined, { staticNetwork: Network.from(1) });
const fetched = await ask("FetchRequest, Retry-After: 3", { "retry-after": "3" }, async () => {
  (await new FetchRequest(url).send()).assertOk();
});
const called = await ask("JsonRpcProvider, Retry-After: 3", { "retry-after": "3" }, () => provider.getBlockNumber());
const backingOff = await ask("FetchRequest, no Retry-After", {}, async () => (await new FetchRequest(url).send()).assertOk());
// The promised wait is three seconds before each retry.
process.exit(
  fetched.count === 12 && called.count === 12 && called.outcome !== "still trying" && backingOff.outcome === "still trying" ? 0 : 1,
);
END
echo "node $(node --version)"
node try.mjs
