#!/bin/sh
# Hono 4.13.19: TrieRouter reads the expression of "/:kind{cat|dog}" as ^cat|dog$, so /catalog and /hotdog match too. RegExpRouter
# reads it as ^(cat|dog)$. An app takes RegExpRouter, until it has two routes that this router cannot tell apart: then an
# unrelated route changes what this one matches.
# Needs node and npm. Exits with 0 while it is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit hono@4.13.19 >/dev/null
cat >try.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Hono } from "hono";

async function matched(hasOthers) {
  const app = new Hono();
  app.get("/:kind{cat|dog}", (c) => c.text(c.req.param("kind")));
  if (hasOthers) {
    app.get("/numbers/:n{[0-9]+}", (c) => c.text("a number"));
    app.get("/numbers/:name", (c) => c.text("a name"));
  }
  const paths = ["/cat", "/dog", "/catalog", "/hotdog"];
  const answers = await Promise.all(paths.map(async (path) => (await app.request(path)).status));
  console.log(`${app.router.name}: ${paths.map((path, i) => `${path} ${answers[i]}`).join(", ")}`);
  return answers.join();
}

console.log(`hono ${JSON.parse(readFileSync("node_modules/hono/package.json", "utf8")).version}`);
const alone = await matched(false);
const beside = await matched(true);
process.exit(alone === "200,200,404,404" && beside === "200,200,200,200" ? 0 : 1);
JS
node try.mjs
