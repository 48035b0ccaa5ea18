/** `deno serve examples/block.ts`: a client that ignores refusals is blocked, for longer each time. */
// Try: for i in $(seq 16); do curl -s -o /dev/null -w "%{http_code} %header{retry-after}\n" localhost:8000; done
import { addressKey, createThrottle } from "@weir/throttle";

const throttle = createThrottle({
  name: "pages",
  rate: "10/min",
  // A client that waits for Retry-After is never blocked. Five refusals within a minute block for ten
  // minutes, whatever the quota; then 20, 40, … if it soon happens again, up to a day.
  block: { after: 5, window: "1min", for: "10min", growth: 2, max: "1day" },
}, {
  client: { trustedProxies: ["127.0.0.1"] }, // the proxy in front of this server names the client
  observers: [({ type, key }) => type === "blocked" && console.log(`${key} is blocked`)],
});

const pages = throttle.wrap((_request: Request, ..._server: unknown[]) => new Response("a page\n"));

/** For support: `curl -X DELETE -H "authorization: Bearer the-admin" localhost:8000/blocks/192.0.2.1`. */
async function lift(request: Request, address: string): Promise<Response> {
  if (request.headers.get("authorization") !== "Bearer the-admin") return new Response(null, { status: 401 });
  await throttle.reset("pages", addressKey(address));
  return new Response(null, { status: 204 });
}

export default {
  fetch(request: Request, ...server: unknown[]): Response | Promise<Response> {
    const [, first, address = ""] = new URL(request.url).pathname.split("/");
    return request.method === "DELETE" && first === "blocks"
      ? lift(request, address)
      : pages(request, ...server);
  },
};
