#!/bin/sh
# @unkey/ratelimit 2.1.4 keeps a refusal of a request with a `cost` for every request of the same identifier until its `reset`,
# whatever they cost. So where 8 of 10 units are left, one request for 9 units makes the client refuse all that follow, of one unit
# too, without asking the service, and the result itself says `remaining: 8`. A cache that keeps nothing lets all eight pass.
# The service is a loopback server that counts a fixed window.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @unkey/ratelimit@2.1.4 >/dev/null 2>&1

cat > try.mjs <<'END'
import { Ratelimit } from "@unkey/ratelimit";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const used = new Map();
let asked = 0;
const server = createServer(async (request, response) => {
  asked++;
  const parts = [];
  for await (const part of request) parts.push(part);
  const { identifier, limit, duration, cost } = JSON.parse(Buffer.concat(parts).toString());
  const spent = used.get(identifier) ?? 0;
  const success = spent + cost <= limit;
  if (success) used.set(identifier, spent + cost);
  const data = { limit, remaining: limit - (used.get(identifier) ?? 0), reset: Date.now() + duration, success };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ meta: { requestId: "r" }, data }));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const options = {
  rootKey: "none",
  namespace: "trial",
  limit: 10,
  duration: "60s",
  baseUrl: `http://127.0.0.1:${server.address().port}`,
};
/** A request for 2 units, one for 9, which are too many, and eight for 1. */
async function trace(identifier, cache) {
  const ratelimit = new Ratelimit({ ...options, ...(cache && { cache }) });
  const before = asked;
  const results = [];
  for (const cost of [2, 9, 1, 1, 1, 1, 1, 1, 1, 1]) results.push(await ratelimit.limit(identifier, { cost }));
  const text = results.map(({ success }) => (success ? "." : "r")).join("");
  return `${text}, remaining ${results.at(-1).remaining}, ${asked - before} calls`;
}
class NoCache extends Map {
  set() {
    return this;
  }
}
console.log("@unkey/ratelimit", JSON.parse(readFileSync("node_modules/@unkey/ratelimit/package.json", "utf8")).version);
const cached = await trace("client 1");
const plain = await trace("client 2", new NoCache());
console.log(`costs 2, 9 and eight times 1, of 10 units (r: refused)\n  by default: ${cached}\n  no cache:   ${plain}`);
process.exit(cached === ".rrrrrrrrr, remaining 8, 2 calls" && plain === ".r........, remaining 0, 10 calls" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
