#!/bin/sh
# @fastify/rate-limit 11.2.0 applies one limit per request: where the plugin's own covers all routes, as it does by default, a tight
# limit that a route has by `preHandler: app.rateLimit({ max: 2 })` is skipped, and so is the second of two on one route. Nothing
# says so. The same route is limited where the plugin has `global: false`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @fastify/rate-limit@11.2.0 fastify@5.12.8 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import rateLimit from "@fastify/rate-limit";

/** Six logins of one client. */
async function trace(plugin, preHandlerOf) {
  const app = Fastify();
  await app.register(rateLimit, { max: 100, timeWindow: 60_000, ...plugin });
  app.post("/login", { preHandler: preHandlerOf(app) }, () => "in");
  const replies = [];
  for (let i = 0; i < 6; i++) replies.push(await app.inject({ method: "POST", url: "/login" }));
  await app.close();
  const statuses = replies.map(({ statusCode }) => (statusCode === 200 ? "." : statusCode === 429 ? "r" : "?")).join("");
  return `${statuses}, x-ratelimit-limit ${replies[0].headers["x-ratelimit-limit"]}`;
}
for (const name of ["@fastify/rate-limit", "fastify"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const tight = (app) => app.rateLimit({ max: 2 });
const found = {
  "global: false, 2 by preHandler": await trace({ global: false }, tight),
  "100 for all routes, 2 by preHandler": await trace({}, tight),
  "global: false, 50 and 2 by preHandler": await trace({ global: false }, (app) => [app.rateLimit({ max: 50 }), tight(app)]),
};
console.log("six logins (r: refused)");
for (const [title, statuses] of Object.entries(found)) console.log(`  ${title}: ${statuses}`);
const expected = ["..rrrr, x-ratelimit-limit 2", "......, x-ratelimit-limit 100", "......, x-ratelimit-limit 50"];
process.exit(Object.values(found).join() === expected.join() ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
