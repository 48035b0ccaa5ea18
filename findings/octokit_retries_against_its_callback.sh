#!/bin/sh
# octokit 5.0.5: where `throttle.onRateLimit` or `onSecondaryRateLimit` returns false, which is to give up, a request that gets 429 is
# sent three times more all the same, 1, 4 and 9 s apart, whatever Retry-After says: @octokit/plugin-retry 8.1.1, which octokit has
# beside @octokit/plugin-throttling 11.0.5, retries each 429. The callback is called for the first one alone. A request that gets 403,
# GitHub's other status for its limits, is sent once.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund octokit@5.0.5 @octokit/plugin-retry@8.1.1 @octokit/plugin-throttling@11.0.5 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Octokit } from "octokit";

const inAnHour = String(Math.ceil(Date.now() / 1000) + 3600);
const primary = [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": inAnHour }, "API rate limit exceeded"];
const secondary = [{ "retry-after": "60" }, "You have exceeded a secondary rate limit"];

/** The requests and the calls back of one request that is refused each time. */
async function tries(status, [headers, message]) {
  const from = Date.now();
  const sent = [];
  const server = createServer((_, response) => {
    sent.push(Math.floor((Date.now() - from) / 1000));
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ message }));
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  let asked = 0;
  const giveUp = () => {
    asked++;
    return false;
  };
  const nothing = () => {};
  const octokit = new Octokit({
    baseUrl: `http://127.0.0.1:${server.address().port}`,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    throttle: { onRateLimit: giveUp, onSecondaryRateLimit: giveUp },
  });
  const error = await octokit.request("GET /user").catch((error) => error);
  server.close();
  return `error ${error.status}, asked ${asked} time, sent at ${sent.join(" ")} s`;
}
for (const name of ["octokit", "@octokit/plugin-retry", "@octokit/plugin-throttling"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const [primary429, secondary429, primary403, secondary403] = await Promise.all([
  tries(429, primary),
  tries(429, secondary),
  tries(403, primary),
  tries(403, secondary),
]);
console.log(`429, primary:   ${primary429}\n429, secondary: ${secondary429}`);
console.log(`403, primary:   ${primary403}\n403, secondary: ${secondary403}`);
const isSo = [primary429, secondary429].every((found) => /^error 429, asked 1 time, sent at 0 \d+ \d+ \d+ s$/.test(found)) &&
  [primary403, secondary403].every((found) => found === "error 403, asked 1 time, sent at 0 s");
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
