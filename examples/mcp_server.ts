/** `deno serve --allow-env examples/mcp_server.ts`: tools for agents, over HTTP (MCP), each with a quota of its own. */
// Try: npx @modelcontextprotocol/inspector --cli http://localhost:8000 --method tools/list
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport as Transport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { clientAddress, createThrottle } from "@weir/throttle";
import { z } from "zod";

const throttle = createThrottle([
  { name: "http", rate: "600/min" }, // every request, whatever it calls
  { name: "search", rate: "5/min", on: [] }, // per call
  { name: "shout", rate: "100/hour", on: [] }, // per text: a batch costs its length
]);

/** Runs a tool, or tells the model when to call it again: such an error is a result, so that the model can read it. */
async function limited(tool: string, caller: string, cost: number, run: () => string) {
  const { allowed, decisions: [{ retryAfterMs }] } = await throttle.spend(tool, caller, cost);
  const wait = retryAfterMs < Infinity
    ? `in ${Math.ceil(retryAfterMs / 1000)} seconds`
    : "with fewer at once";
  const text = allowed ? run() : `The limit of ${tool} is reached. Try again ${wait}.`;
  return { isError: !allowed, content: [{ type: "text" as const, text }] };
}

function serverFor(caller: string): McpServer {
  const server = new McpServer({ name: "library", version: "1.0.0" });
  const search = (query: string) => limited("search", caller, 1, () => `No ${query}.`);
  const shout = (all: string[]) => limited("shout", caller, all.length, () => all.join(" ").toUpperCase());
  server.registerTool("search", { inputSchema: { query: z.string() } }, ({ query }) => search(query));
  server.registerTool("shout", { inputSchema: { texts: z.array(z.string()) } }, ({ texts }) => shout(texts));
  return server;
}

const handler = throttle.wrap(async (request: Request, ...platform: unknown[]) => {
  const transport = new Transport({ enableJsonResponse: true });
  await serverFor(clientAddress(request, platform) ?? "nobody").connect(transport);
  return await transport.handleRequest(request);
});

export default { fetch: handler };
