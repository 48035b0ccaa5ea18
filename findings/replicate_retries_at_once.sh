#!/bin/sh
# replicate 1.4.0: its automatic retries never wait. After a 429 it sends five more requests, a POST's too, within some ms, with
# Retry-After in seconds, with a date and without any, though the comment above them promises to wait as the header says, else
# longer and longer. They read the header only of an error that nothing inside throws, and sleep only where a time with a random
# fraction is an integer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund replicate@1.4.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Replicate from "replicate";

let headers;
const asked = [];
const server = createServer((request, response) => {
  request.resume();
  asked.push(Date.now());
  response.writeHead(429, headers).end("{}");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const baseUrl = `http://127.0.0.1:${server.address().port}`;

/** The ms from the first to the last of six requests. */
async function create(title, sent) {
  headers = sent;
  asked.length = 0;
  const { response } = await new Replicate({ auth: "t", baseUrl }).predictions.create({ version: "a1", input: {} })
    .catch((error) => error);
  console.log(`${title}: gave up, ${response.status}; requests at ${asked.map((at) => at - asked[0]).join(", ")} ms`);
  return response.status === 429 && asked.length === 6 ? asked[5] - asked[0] : Infinity;
}
console.log(`replicate ${JSON.parse(readFileSync("node_modules/replicate/package.json", "utf8")).version}`);
const seconds = await create("Retry-After: 30", { "retry-after": "30" });
const date = await create("Retry-After, 30 s ahead", { "retry-after": new Date(Date.now() + 30_000).toUTCString() });
const none = await create("no Retry-After", {});
server.closeAllConnections();
server.close();
// Without the header the promised pauses are of 0.5, 1, 2, 4 and 8 s.
process.exit(seconds < 28_000 && date < 28_000 && none < 15_000 ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
