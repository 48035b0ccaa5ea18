/** `node scripts/platform.mjs node examples/srvx.ts`: srvx, the same server on Node, Bun and Deno. */
import { withThrottle } from "@weir/throttle";
import { serve } from "srvx";

const server = serve({
  fetch: withThrottle(() => new Response("hello\n"), ["60/min", "1000/day"]), // PORT or 3000
});
await server.ready();
