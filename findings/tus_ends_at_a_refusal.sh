#!/bin/sh
# tus-js-client 4.3.1 ends an upload at the first 429 that a piece of it gets, whatever Retry-After says, though it is made to go on
# after failures: after 409, 423 and 503 it sends the rest, the first time at once. Each piece is a request, so a limit per request
# meets long uploads first. With `onShouldRetry` that returns true it goes on after 429 too, by `retryDelays` and not Retry-After.
# The server is @tus/server 2.4.5.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund tus-js-client@4.3.1 @tus/server@2.4.5 @tus/file-store@2.1.1 >/dev/null 2>&1

cat > try.mjs <<'END'
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Upload } from "tus-js-client";

const tus = new Server({ path: "/files", datastore: new FileStore({ directory: "files" }) });

/** An upload in five pieces, of which the second gets `status` once. */
async function upload(status, options = {}) {
  const requests = [];
  let refusedAt;
  let waited;
  const server = createServer((request, response) => {
    requests.push(request.method);
    if (refusedAt) waited ??= Math.round(performance.now() - refusedAt);
    if (requests.length !== 3) return tus.handle(request, response);
    refusedAt = performance.now();
    request.resume();
    response.writeHead(status, { "retry-after": "2", "tus-resumable": "1.0.0" }).end("later");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${server.address().port}/files`;
  const outcome = await new Promise((resolve) => {
    const onError = () => resolve("failed");
    new Upload(Buffer.alloc(500_000), { endpoint, chunkSize: 100_000, onSuccess: () => resolve("done"), onError, ...options }).start();
  });
  server.close();
  server.closeAllConnections();
  return { outcome, requests: requests.join(" "), waited };
}
for (const name of ["tus-js-client", "@tus/server"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const found = { 429: await upload(429) };
for (const status of [409, 423, 503]) found[status] = await upload(status);
found["429, onShouldRetry"] = await upload(429, { onShouldRetry: () => true });
for (const [what, { outcome, requests, waited }] of Object.entries(found)) {
  console.log(`${what}: ${outcome} after ${requests}${waited === undefined ? "" : `, asked again after ${waited} ms of 2000`}`);
}
const { 429: refused, ...others } = found;
const goesOn = Object.values(others).every(({ outcome, waited }) => outcome === "done" && waited < 2000);
process.exit(refused.outcome === "failed" && refused.requests === "POST PATCH PATCH" && goesOn ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
