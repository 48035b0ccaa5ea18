#!/bin/sh
# @trpc/client 11.25.2, where something in front of tRPC refuses: a 429 whose body is not of tRPC's form has no code and no data. From
# httpLink and httpBatchLink it is "Unable to transform response from server", with the status in `meta` alone; from
# httpBatchStreamLink and application/problem+json it is "This operation was aborted", without a status. So a retryLink that asks for
# TOO_MANY_REQUESTS never waits, and a person reads of an abort. A body of tRPC's form gives all three links the code.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @trpc/client@11.25.2 @trpc/server@11.25.2 >/dev/null 2>&1

cat > try.mjs <<'END'
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink } from "@trpc/client";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const bodies = {
  "problem+json": ["application/problem+json", { type: "about:blank", title: "Too many requests", status: 429 }],
  "tRPC's form": ["application/json", {
    error: { message: "Too many requests", code: -32029, data: { code: "TOO_MANY_REQUESTS", httpStatus: 429 } },
  }],
};
console.log("@trpc/client", JSON.parse(readFileSync("node_modules/@trpc/client/package.json", "utf8")).version);
const found = [];
for (const [form, [type, body]] of Object.entries(bodies)) {
  const server = createServer((_request, response) => {
    response.writeHead(429, { "content-type": type, "retry-after": "3" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/trpc`;
  for (const link of [httpLink, httpBatchLink, httpBatchStreamLink]) {
    const error = await createTRPCClient({ links: [link({ url })] }).hello.query().catch((error) => error);
    found.push(`code ${error.data?.code}, status ${error.meta?.response?.status}, "${error.message}"`);
    console.log(`${form}, ${link.name}: ${found.at(-1)}`);
  }
  server.close();
}
const hidden = 'code undefined, status 429, "Unable to transform response from server"';
const aborted = 'code undefined, status undefined, "This operation was aborted"';
const told = 'code TOO_MANY_REQUESTS, status 429, "Too many requests"';
process.exit(JSON.stringify(found) === JSON.stringify([hidden, hidden, aborted, told, told, told]) ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
