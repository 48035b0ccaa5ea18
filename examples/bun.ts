/** `bun examples/bun.ts`: 60 requests per minute and 1000 per day for each client address, on PORT or 3000. */
import { withThrottle } from "@weir/throttle";

const server = Bun.serve({
  fetch: withThrottle(() => new Response("hello\n"), ["60/min", "1000/day"]),
});
console.log(`Listening on ${server.url}`);
