#!/bin/sh
# openai 7.59.0 waits as long as Retry-After says, up to 60 s. A longer wait it ignores: it sends both of its retries within 2 s,
# so that a server which asks for an hour is asked three times at once, and the caller's 429 comes from the last of them.
# @anthropic-ai/sdk 1.14.0, which has the same loop, waits up to an hour.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund openai@7.59.0 @anthropic-ai/sdk@1.14.0 >/dev/null 2>&1

cat > clients.mjs <<'END'
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

/** The requests that a client sends within 4 s to a server that refuses each. */
async function tries(Client, retryAfter) {
  let count = 0;
  const server = createServer((_, response) => {
    count++;
    response.writeHead(429, { "content-type": "application/json", "retry-after": retryAfter });
    response.end('{"error":{"message":"Too many requests"}}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new Client({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}` });
  await Promise.race([client.models.list().then(() => {}, () => {}), wait(4000)]);
  return count;
}

for (const [name, Client] of [["openai", OpenAI], ["anthropic", Anthropic]]) {
  const found = await Promise.all(["60", "61", "3600"].map(async (s) => `${s} s: ${await tries(Client, s)}`));
  console.log(`${name}, requests by Retry-After: ${found.join(", ")}`);
}
process.exit();
END

found=$(node clients.mjs)
for name in openai @anthropic-ai/sdk; do
  echo "$name $(node -p "JSON.parse(require('fs').readFileSync('node_modules/$name/package.json')).version")"
done
echo "node $(node --version)"
echo "$found"
echo "$found" | grep -q "^openai, requests by Retry-After: 60 s: 1, 61 s: 3, 3600 s: 3$"
echo "$found" | grep -q "^anthropic, requests by Retry-After: 60 s: 1, 61 s: 1, 3600 s: 1$"
