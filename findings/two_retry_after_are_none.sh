#!/bin/sh
# Where a response has Retry-After twice, ky 2.1.0, undici 8.13.1's RetryAgent and axios-retry 4.5.0 over axios's fetch adapter wait
# by neither: fetch and undici hand both out as one text, "30, 30", which is no number. got 16.1.0 and axios-retry over node:http
# wait for the first, which is all that node:http shows. Two arise where a proxy adds its own to the application's, as nginx
# 1.22.1 does by `add_header Retry-After 30 always`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ky@2.1.0 got@16.1.0 axios@1.21.1 axios-retry@4.5.0 undici@8.13.1 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import axios from "axios";
import axiosRetry from "axios-retry";
import got from "got";
import ky from "ky";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Agent, request, RetryAgent } from "undici";

function retrying(options) {
  const client = axios.create(options);
  axiosRetry(client);
  return client;
}
const clients = {
  ky: (url) => ky(url),
  undici: (url) => request(url, { dispatcher: new RetryAgent(new Agent()) }),
  "axios-retry, fetch": (url) => retrying({ adapter: "fetch" }).get(url),
  "axios-retry, node:http": (url) => retrying({ adapter: "http" }).get(url),
  got: (url) => got(url),
};
/** How many requests a client sends in 5 s while each is refused for 30 s, by so many lines. */
async function requests(ask, lines) {
  let count = 0;
  const server = createServer((asked, response) => {
    count++;
    asked.resume();
    response.writeHead(429, lines.flatMap((seconds) => ["retry-after", seconds])).end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  ask(`http://127.0.0.1:${server.address().port}/`).catch(() => {});
  await pause(5000);
  return count;
}
for (const name of ["ky", "undici", "axios", "axios-retry", "got"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const found = await Promise.all(Object.entries(clients).map(async ([title, ask]) =>
  [title, ...await Promise.all([["30"], ["30", "30"]].map((lines) => requests(ask, lines)))]
));
for (const [title, one, two] of found) console.log(`${title}: in 5 s ${one} request(s) after Retry-After: 30, ${two} after two of it`);
process.exit(found.every(([title, one, two]) => one === 1 && (/ky|undici|, fetch/.test(title) ? two > 1 : two === 1)) ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
