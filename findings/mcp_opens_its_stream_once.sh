#!/bin/sh
# MCP's SDK for TypeScript, @modelcontextprotocol/sdk 1.32.2 and @modelcontextprotocol/client 2.4.0: after connecting, a client
# opens one stream by GET, over which the server tells of changes. Refuse that GET once, and the client never asks for it again:
# it tells `onerror`, its calls succeed, and no notification reaches it any more, whatever Retry-After says. A stream that broke
# is opened again after 1 s and 1.5 s; with both refused, that is the end too, before a Retry-After of 5 s is over.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 node@24.21.0 \
  >/dev/null 2>&1

cat > try.mjs <<'END'
import * as two from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const clients = {
  sdk: () => [new Client({ name: "trial", version: "1" }), StreamableHTTPClientTransport, ToolListChangedNotificationSchema],
  client: () => [
    new two.Client({ name: "trial", version: "1" }), two.StreamableHTTPClientTransport, "notifications/tools/list_changed",
  ],
};
const tool = () => ({ content: [{ type: "text", text: "ok" }] });

/** What a client hears of a new tool 12 s after it connected, where its GETs are treated so one after the other, then let pass. */
async function heard(name, fates) {
  const mcp = new McpServer({ name: "trial", version: "1" });
  mcp.registerTool("first", {}, tool);
  const serving = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
  await mcp.connect(serving);
  const asked = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      const fate = fates[asked.length] ?? "passed";
      asked.push(`${fate} at ${((Date.now() - from) / 1000).toFixed(1)} s`);
      if (fate === "refused") return response.writeHead(429, { "retry-after": "5" }).end();
      if (fate === "broken") setTimeout(() => response.destroy(), 100);
    }
    serving.handleRequest(request, response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

  const [client, Transport, changed] = clients[name]();
  let notifications = 0;
  client.onerror = () => {};
  client.setNotificationHandler(changed, () => {
    notifications++;
  });
  const from = Date.now();
  await client.connect(new Transport(new URL(`http://127.0.0.1:${server.address().port}/mcp`)));
  await pause(12_000);
  mcp.registerTool("second", {}, tool);
  await pause(500);
  const { content } = await client.callTool({ name: "second" });
  console.log(`${name}: GET ${asked.join(", ")}; notifications: ${notifications}; a call: ${content[0].text}`);
  await client.close();
  server.closeAllConnections();
  server.close();
  return content[0].text === "ok" ? `${asked.length} asked, ${notifications} heard` : "no answer";
}
for (const name of Object.keys(clients)) {
  console.log(JSON.parse(readFileSync(`node_modules/@modelcontextprotocol/${name}/package.json`, "utf8")).version, name);
}
const fates = [[], ["refused"], ["broken"], ["broken", "refused", "refused"]];
const found = await Promise.all(Object.keys(clients).flatMap((name) => fates.map((fate) => heard(name, fate))));
const right = ["1 asked, 1 heard", "1 asked, 0 heard", "2 asked, 1 heard", "3 asked, 0 heard"];
process.exit(found.join() === [...right, ...right].join() ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
