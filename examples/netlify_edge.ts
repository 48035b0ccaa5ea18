/** `node scripts/platform.mjs netlify examples/netlify_edge.ts`: a Netlify edge function; counts are in Redis. */
import type { Config, Context } from "@netlify/edge-functions";
import { withThrottle } from "@weir/throttle";
import { upstashStore } from "@weir/throttle/upstash";

export default withThrottle(
  (_request: Request, context: Context) => new Response(`hello, ${context.ip}\n`),
  ["60/min", "1000/day"],
  { client: { platform: "netlify" }, store: upstashStore.fromEnv() },
);

export const config: Config = { path: "/*" };
