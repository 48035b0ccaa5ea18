#!/bin/sh
# @envelop/rate-limiter 10.2.1 under GraphQL Yoga 5.24.1: a refusal is a 200, as the plugin says its 429 by the name `statusCode`, and
# Yoga reads `status`. Its Retry-After is the text of the rule's `window`, "3s", which is neither seconds nor a date, and always the
# whole window. got 16.1.0 and ky 2.1.0, which retry by the status, take the refusal for an answer: one request, and no wait.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @envelop/rate-limiter@10.2.1 @envelop/core@5.6.1 graphql-yoga@5.24.1 graphql@16.15.0 ky@2.1.0 \
  got@16.1.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { useRateLimiter } from "@envelop/rate-limiter";
import got from "got";
import { createSchema, createYoga } from "graphql-yoga";
import ky from "ky";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const schema = createSchema({ typeDefs: "type Query { hello: String }", resolvers: { Query: { hello: () => "world" } } });
let requests = 0;
let client = "";
const yoga = createYoga({
  schema,
  logging: false,
  plugins: [useRateLimiter({ identifyFn: () => client, configByField: [{ type: "Query", field: "hello", max: 1, window: "3s" }] })],
});
const server = createServer((request, response) => {
  requests++;
  yoga(request, response);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/graphql?query={hello}`;

for (const name of ["@envelop/rate-limiter", "graphql-yoga", "ky", "got"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const refusals = [];
const clients = {
  fetch: async () => {
    const response = await fetch(url);
    refusals.push(`${response.status}, Retry-After ${response.headers.get("retry-after")}`);
    return await response.text();
  },
  ky: () => ky(url, { headers: { accept: "application/json" } }).text(),
  got: () => got(url).text(),
};
const found = [];
for (const [name, ask] of Object.entries(clients)) {
  client = name;
  requests = 0;
  const from = performance.now();
  const bodies = [await ask(), await ask()];
  const ms = Math.round(performance.now() - from);
  found.push(requests === 2 && bodies[0].includes("world") && bodies[1].includes('"errors"'));
  console.log(`${name}: ${requests} requests in ${ms} ms, the second got ${bodies[1].slice(0, 68)}...`);
}
console.log(refusals[1]);
server.close();
process.exit(found.every(Boolean) && refusals[1] === "200, Retry-After 3s" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
