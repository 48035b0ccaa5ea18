#!/bin/sh
# moleculer-web 0.10.8 sends X-Rate-Limit-Reset as Unix time in ms, and no Retry-After. ky 2.1.0, which reads that header as seconds,
# waits for some 57,000 years: where the window is over after 3 s it has sent nothing more after 15 s, and its timeout of 10 s does
# not end the wait. With the same time in seconds it asks once more and gets its answer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund moleculer@0.14.36 moleculer-web@0.10.8 ky@2.1.0 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import ky from "ky";

const require = createRequire(import.meta.url);
const ApiService = require("moleculer-web");
const { ServiceBroker } = require("moleculer");
for (const name of ["moleculer-web", "ky"]) console.log(name, require(`./node_modules/${name}/package.json`).version);

/** What a client gets within 15 s. */
async function outcome(url) {
  const asking = ky(url, { timeout: 10_000 }).text();
  const answer = asking.then((text) => `answered: ${text}`, ({ message }) => `gave up: ${message}`);
  return await Promise.race([answer, wait(15_000, "nothing within 15 s")]);
}
const broker = new ServiceBroker({ logger: false });
broker.createService({ name: "greeter", actions: { hello: () => "hello" } });
let asked = 0;
const gateway = broker.createService({
  mixins: [ApiService],
  settings: {
    port: 0,
    ip: "127.0.0.1",
    rateLimit: { window: 3000, limit: 2, headers: true, key: () => (asked++, "client") },
    routes: [{ path: "/", aliases: { "GET /hello": "greeter.hello" } }],
  },
});
await broker.start();
const url = `http://127.0.0.1:${gateway.server.address().port}/hello`;
// Until two pass and the third is refused: the windows begin with the process.
let refused;
for (let passed = 0; refused === undefined;) {
  const response = await fetch(url);
  await response.text();
  if (response.status === 200) passed++;
  else if (response.status === 429) refused = response;
  if (passed > 20) break;
}
const reset = refused.headers.get("x-rate-limit-reset");
console.log(`moleculer-web: ${refused.status}, X-Rate-Limit-Reset: ${reset}, Retry-After: ${refused.headers.get("retry-after")}`);
const before = asked;
const inMs = await outcome(url);
const inAll = asked - before;
console.log(`  ky asks ${inAll} time; ${inMs}`);
const again = await fetch(url);
console.log(`  anybody else by then: ${again.status}`);

let sent = 0;
const server = createServer((_request, response) => {
  const at = Math.ceil((Date.now() + 2000) / 1000);
  response.writeHead(sent++ === 0 ? 429 : 200, { "x-rate-limit-reset": at }).end("hello");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const inSeconds = await outcome(`http://127.0.0.1:${server.address().port}/`);
console.log(`the same header in seconds: ky asks ${sent} times; ${inSeconds}`);
process.exit(/^\d{13}$/.test(reset) && refused.headers.get("retry-after") === null && inAll === 1 &&
  inMs === "nothing within 15 s" && again.status === 200 && sent === 2 && inSeconds === "answered: hello" ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
