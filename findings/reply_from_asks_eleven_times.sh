#!/bin/sh
# @fastify/reply-from 12.6.5, with which @fastify/http-proxy forwards: each GET that its upstream answers with 503 is sent ten times
# more, and Retry-After's seconds are taken for ms, so that all eleven come within a second where the upstream said 5 s. A date there
# is no wait at all, and `maxRetriesOn503: 0` is ten. An app that answers 503 while it sheds load, or while its store fails, gets
# eleven times its readers' requests. `retryMethods` without GET sends one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @fastify/reply-from@12.6.5 fastify@5.12.8 >/dev/null 2>&1

cat > try.cjs <<'END'
const fastify = require("fastify");
const replyFrom = require("@fastify/reply-from");
const { createServer } = require("node:http");
const { once } = require("node:events");

async function ask(retryAfter, pluginOptions, options) {
  let requests = 0;
  const upstream = createServer((_request, response) => {
    requests++;
    response.writeHead(503, { "retry-after": retryAfter }).end();
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const proxy = fastify();
  proxy.register(replyFrom, { base: `http://127.0.0.1:${upstream.address().port}`, ...pluginOptions });
  proxy.get("/", (_request, reply) => reply.from("/", options));
  const address = await proxy.listen({ port: 0, host: "127.0.0.1" });
  const from = performance.now();
  const { status } = await fetch(address);
  const ms = Math.round(performance.now() - from);
  await proxy.close();
  upstream.close();
  return { status, requests, ms };
}
async function main() {
  for (const name of ["@fastify/reply-from", "fastify"]) console.log(name, require(`./node_modules/${name}/package.json`).version);
  const found = {
    "Retry-After 5": await ask("5"),
    "Retry-After a minute from now, as a date": await ask(new Date(Date.now() + 60_000).toUTCString()),
    "maxRetriesOn503: 0": await ask("5", {}, { maxRetriesOn503: 0 }),
    "maxRetriesOn503: 1": await ask("5", {}, { maxRetriesOn503: 1 }),
    'retryMethods: ["HEAD"]': await ask("5", { retryMethods: ["HEAD"] }),
  };
  for (const [what, { status, requests, ms }] of Object.entries(found)) {
    console.log(`${what}: one GET got ${status} after ${requests} request(s) to the upstream in ${ms} ms`);
  }
  const tried = Object.values(found).map(({ requests }) => requests).join();
  process.exit(tried === "11,11,11,2,1" && found["Retry-After 5"].ms < 5000 ? 0 : 1);
}
main();
END
echo "node $(node --version)"
node try.cjs
