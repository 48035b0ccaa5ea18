#!/bin/sh
# @netlify/edge-functions-dev 1.0.24 starts edge functions by `deno eval --allow-scripts`, and takes any Deno from 2.2.4 on that
# is in the PATH. Deno 2.9.6 refuses that option of `eval`, where 2.9.5 took it: no function runs, and each request fails with
# "Could not establish a connection". So a function that passes on a machine with 2.9.5 cannot be tried on one with 2.9.6.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.5 >/dev/null 2>&1
mv node_modules old
npm install --silent --no-audit --no-fund deno@2.9.6 @netlify/edge-functions-dev@1.0.24 >/dev/null 2>&1

mkdir functions
echo 'export default () => new Response("hello"); export const config = { path: "/*" };' > functions/hello.js
cat > ask.mjs <<'END'
import { EdgeFunctionsHandler } from "@netlify/edge-functions-dev";
import process from "node:process";
process.on("uncaughtException", ({ message }) => {
  console.log(message);
  process.exit(0);
});
const handler = new EdgeFunctionsHandler({
  configDeclarations: [],
  directories: [`${process.cwd()}/functions`],
  env: { PATH: process.env.PATH, HOME: process.cwd(), NETLIFY: "true" },
  geolocation: { city: "-", country: { code: "-", name: "-" }, subdivision: { code: "-", name: "-" } },
  logger: { error() {}, log() {}, warn() {}, info() {}, debug() {} },
  siteID: "site",
  siteName: "site",
});
const request = new Request("http://localhost/", { headers: { "x-nf-request-id": "1" } });
const match = await handler.match(request);
console.log(await (await match.handle(request, "http://localhost")).text());
process.exit(0);
END

# What a function answers beside the Deno of a folder: the last line, as Deno's own error comes before.
answer() {
  echo "$("$1/deno" --version | head -n 1): $(PATH="$1:$PATH" node ask.mjs 2>/dev/null | tail -n 1)"
}
echo "node $(node --version)"
with_old=$(answer "$folder/old/.bin")
echo "$with_old"
with_new=$(answer "$folder/node_modules/.bin")
echo "$with_new"
case "$with_old" in *": hello") ;; *) exit 1 ;; esac
case "$with_new" in *": Could not establish a connection "*) ;; *) exit 1 ;; esac
