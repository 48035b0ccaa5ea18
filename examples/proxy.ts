/** `deno serve examples/proxy.ts`: behind reverse proxies; the client is the peer of the first trusted one. */
import { clientAddress, type ClientOptions, withThrottle } from "@weir/throttle";

/**
 * List the networks of your proxies: their entries in X-Forwarded-For are trusted, and the client's own are
 * not. If only their number is fixed, `trustedProxies: 2` counts hops from the right.
 *
 *     curl -H "X-Forwarded-For: 1.1.1.1, 203.0.113.9" http://localhost:8000    # you are 203.0.113.9
 */
const client: ClientOptions = { trustedProxies: ["127.0.0.0/8", "::1", "10.0.0.0/8", "fd00::/8"] };

export default {
  fetch: withThrottle(
    (request: Request, ...platform: unknown[]) =>
      new Response(`you are ${clientAddress(request, platform, client)}\n`),
    ["60/min", "1000/day"],
    { client },
  ),
};
