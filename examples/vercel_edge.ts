/** `node scripts/platform.mjs edge-runtime examples/vercel_edge.ts`: a Vercel edge function; counts are in Redis. */
import { withThrottle } from "@weir/throttle";
import { upstashStore } from "@weir/throttle/upstash";

export const config = { runtime: "edge" };

export default withThrottle(() => new Response("hello\n"), ["60/min", "1000/day"], {
  client: { platform: "vercel" },
  store: upstashStore.fromEnv(),
});
