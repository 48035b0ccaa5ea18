#!/bin/sh
# ratelimit-header-parser 0.1.0, by the makers of express-rate-limit, does not read what express-rate-limit 8.7.5 writes with
# `standardHeaders: "draft-8"`, the form of the IETF's drafts since then: it answers with NaN and an invalid date rather than
# `undefined`, its answer for headers that it does not know, so `remaining < 1` is false for every client that asks first. A
# Retry-After beside X-RateLimit-Remaining it takes for Unix time, so a wait of a minute ended in 1970.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund express@5.3.0 express-rate-limit@8.7.5 ratelimit-header-parser@0.1.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import express from "express";
import { rateLimit } from "express-rate-limit";
import { readFileSync } from "node:fs";
import { parseRateLimit } from "ratelimit-header-parser";

for (const name of ["express-rate-limit", "ratelimit-header-parser"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const read = {};
for (const standardHeaders of ["draft-6", "draft-7", "draft-8"]) {
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 5, standardHeaders, legacyHeaders: false }));
  app.get("/", (_request, response) => response.send("ok"));
  const server = await new Promise((listening) => {
    const server = app.listen(0, "127.0.0.1", () => listening(server));
  });
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
  read[standardHeaders] = parseRateLimit(response);
  console.log(`${standardHeaders}: ${response.headers.get("ratelimit") ?? response.headers.get("ratelimit-remaining")}`);
  console.log(read[standardHeaders]);
  server.closeAllConnections();
  server.close();
}
const unknown = parseRateLimit(new Headers({ "retry-after": "60" }));
const refused = parseRateLimit(new Headers({ "x-ratelimit-remaining": "0", "retry-after": "60" }));
console.log(`Retry-After: 60 alone: ${unknown}; beside X-RateLimit-Remaining: 0:`, refused.reset);
const isSo = read["draft-6"].remaining === 4 && read["draft-7"].remaining === 4 &&
  Number.isNaN(read["draft-8"].remaining) && unknown === undefined && refused.reset.getTime() === 60_000;
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
