/** `node scripts/platform.mjs node examples/node.ts`: Node, with the server of Hono. */
import { serve } from "@hono/node-server";
import { withThrottle } from "@weir/throttle";
import process from "node:process";

serve({
  fetch: withThrottle(() => new Response("hello\n"), ["60/min", "1000/day"]),
  port: Number(process.env.PORT ?? 3000),
}, ({ port }) => console.log(`Listening on http://localhost:${port}`));
