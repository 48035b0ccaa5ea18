/** `deno serve examples/several_rules.ts`: rules for everything, a group and an endpoint; all that match must allow. */
import { byGlobal, byIp, concurrency, gcra, rateLimit, withThrottle } from "@weir/throttle";

const handler = (request: Request): Response => new Response(`${new URL(request.url).pathname}\n`);

export default {
  fetch: withThrottle(handler, [
    // For all clients together: protects the server's capacity.
    { name: "everybody", rate: "1000/s", key: byGlobal() },
    // Per address; an IPv6 client is its /56 network here, rather than the default /64.
    { name: "each", rate: "60/min", key: byIp({ ipv6Prefix: 56 }) },
    // Searches drain evenly, a few at once are allowed, and each costs as much as its query.
    {
      name: "search",
      rate: "30/min",
      on: "GET /search/*",
      algorithm: gcra({ burst: 5 }),
      cost: ({ request }) => request.url.includes("deep=1") ? 5 : 1,
    },
    // Two exports at a time.
    { name: "exports", rate: { limit: 2 }, on: "/export", algorithm: concurrency({ lease: "1min" }) },
    // On trial: observers receive its refusals, and no request is refused.
    { name: "planned", rate: "10/min", on: "/api/*", mode: "shadow" },
  ], { headers: [rateLimit()] }),
};
