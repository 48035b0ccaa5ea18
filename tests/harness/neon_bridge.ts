import { createServer, type Server } from "node:http";
import { Client } from "pg";
import { KEPT_MS } from "./kept.ts";

/** An HTTP server that speaks as Neon's does to its driver: one statement per request, its rows as text. */
export async function startNeonBridge(
  url: string,
): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  const asText = { getTypeParser: () => (value: string) => value };

  async function answer(body: string): Promise<[number, unknown]> {
    const { query, params } = JSON.parse(body);
    try {
      const { rows, fields, rowCount, command } = await client.query({
        text: query,
        values: params,
        rowMode: "array",
        types: asText as never,
      });
      return [200, { rows, fields, rowCount, command, rowAsArray: true }];
    } catch (error) {
      const { message, code, severity } = error as { message: string; code: string; severity: string };
      return [400, { message, code, severity }];
    }
  }

  const server: Server = createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => body += text).on("end", async () => {
      const [status, value] = await answer(body);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}/sql`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await client.end();
    },
  };
}
