/** The example of an MCP server, driven by the client of the protocol's own SDK. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client } from "@modelcontextprotocol/sdk/client";
import { after, before, describe, it } from "node:test";
import { type Program, startProgram } from "../harness/program.ts";
import { runtime } from "../harness/runtime.ts";

const EXAMPLE = "examples/mcp_server.ts";
const COMMAND = {
  deno: `deno serve --allow-env --host=127.0.0.1 --port=0 ${EXAMPLE}`,
  bun: `bun ${EXAMPLE}`,
  node: `node scripts/platform.mjs node ${EXAMPLE}`,
}[runtime];

/** Deno finds no types at this path of the SDK. */
const TRANSPORT: string = "@modelcontextprotocol/sdk/client/streamableHttp.js";

interface ToolResult {
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
}

describe("the tools of an MCP server", () => {
  let program: Program;
  let client: Client;
  before(async () => {
    program = await startProgram(COMMAND.split(" "));
    const { StreamableHTTPClientTransport } = await import(TRANSPORT);
    client = new Client({ name: "a test", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(program.url)));
  });
  after(async () => {
    await client?.close();
    await program?.stop();
  });

  const call = async (name: string, given: Record<string, unknown>): Promise<[boolean, string]> => {
    const { isError = false, content } = await client.callTool({
      name,
      arguments: given,
    }) as unknown as ToolResult;
    return [isError, content[0].text];
  };

  const texts = (count: number) => ({ texts: new Array<string>(count).fill("b") });

  it("are refused with a result that the model can read, with the wait, each by its own quota", async () => {
    for (let i = 0; i < 5; i++) assertEquals(await call("search", { query: "weirs" }), [false, "No weirs."]);
    const [isError, text] = await call("search", { query: "weirs" });
    assert(isError);
    assertMatch(text, /^The limit of search is reached\. Try again in (?:[1-5]?\d|60) seconds\.$/);
    assertEquals(await call("shout", { texts: ["a"] }), [false, "A"]);
    assertEquals((await client.listTools()).tools.map(({ name }) => name), ["search", "shout"]);
  });

  it("are charged one by one where a client sends several calls in one request", async () => {
    const calls = [1, 2, 3, 4].map((id) => ({
      ...{ jsonrpc: "2.0", id, method: "tools/call" },
      params: { name: "shout", arguments: texts(30) },
    }));
    const response = await fetch(program.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2025-03-26",
      },
      body: JSON.stringify(calls),
    });
    const results = await response.json() as { id: number; result: ToolResult }[];
    assertEquals(response.status, 200);
    // Of 100 per hour one is used.
    assertEquals(results.map(({ result }) => result.isError), [false, false, false, true]);
    assertEquals(response.headers.get("x-ratelimit-limit"), "600");
  });

  it("cost a batch its length, all of it or nothing", async () => {
    const [isError, text] = await call("shout", texts(10));
    assert(isError);
    assertMatch(text, /Try again in \d+ seconds\.$/);
    assertEquals((await call("shout", texts(9)))[0], false);
    assertEquals(await call("shout", texts(101)), [
      true,
      "The limit of shout is reached. Try again with fewer at once.",
    ]);
  });
});
