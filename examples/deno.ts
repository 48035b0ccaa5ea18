/** `deno run --allow-net examples/deno.ts`: 60 requests per minute and 1000 per day for each client address. */
import { withThrottle } from "@weir/throttle";

Deno.serve(withThrottle(() => new Response("hello\n"), ["60/min", "1000/day"]));
