#!/bin/sh
# Connect's client for TypeScript, @connectrpc/connect 2.3.0: a 429 is Code.Unavailable, as a 503 is, unless its body is JSON with a
# `code` of Connect's; the code for too many requests would be ResourceExhausted. So a client that tries again where a server is away
# hammers the one that refused it, and one that tells of limits does not. Connect's protocol has it so, by gRPC's table of statuses.
# Retry-After is in the error's metadata. Code and message arrive from `{ "code": "resource_exhausted", "message": "..." }`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 @bufbuild/protobuf@2.17.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { file_google_protobuf_empty, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const empty = ".google.protobuf.Empty";
const file = create(FileDescriptorProtoSchema, {
  name: "hello.proto",
  syntax: "proto3",
  dependency: ["google/protobuf/empty.proto"],
  service: [{ name: "Hello", method: [{ name: "Say", inputType: empty, outputType: empty }] }],
});
const service = createFileRegistry(file, () => file_google_protobuf_empty.proto).getService("Hello");

const refusals = {
  "429, problem+json": [429, "application/problem+json", { title: "Too many requests", status: 429 }],
  "429, JSON with a message": [429, "application/json", { error: "rate_limit_exceeded", message: "Too many requests." }],
  "429, JSON with Connect's code": [429, "application/json", { code: "resource_exhausted", message: "Too many requests." }],
  "503, problem+json": [503, "application/problem+json", { title: "Service unavailable", status: 503 }],
};
console.log("@connectrpc/connect", JSON.parse(readFileSync("node_modules/@connectrpc/connect/package.json", "utf8")).version);
const found = [];
for (const [what, [status, type, body]] of Object.entries(refusals)) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": type, "retry-after": "3" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const error = await createClient(service, createConnectTransport({ baseUrl, httpVersion: "1.1" })).say({}).catch((error) => error);
  found.push(Code[error.code]);
  console.log(`${what}: ${Code[error.code]}, "${error.rawMessage}", Retry-After ${error.metadata.get("retry-after")}`);
  server.close();
  server.closeAllConnections();
}
process.exit(found.join() === "Unavailable,Unavailable,ResourceExhausted,Unavailable" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
