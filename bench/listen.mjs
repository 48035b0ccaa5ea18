/** The runtime's own server; on Node that of @hono/node-server. */
import { peer } from "./peers.mjs";
import { runtime } from "./runtime.mjs";

/** Serves a handler on a free port of 127.0.0.1, and gives the port. */
export async function listen(fetch) {
  if (runtime === "bun") {
    return globalThis.Bun.serve({ hostname: "127.0.0.1", port: 0, fetch }).port;
  }
  if (runtime === "deno") {
    const server = globalThis.Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch);
    return server.addr.port;
  }
  const { serve } = await peer("@hono/node-server");
  return new Promise((ready) => serve({ fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => ready(port)));
}
