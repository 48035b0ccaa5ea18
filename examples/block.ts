/** `deno serve examples/block.ts`: who does not stop at a refusal is shut out, for longer each time. */
// Try: for i in $(seq 16); do curl -s -o /dev/null -w "%{http_code} %header{retry-after}\n" localhost:8000; done
import { addressKey, createThrottle } from "@weir/throttle";

const throttle = createThrottle({
  name: "pages",
  rate: "10/min",
  // A client that waits as long as Retry-After says never gets here. Five refusals within a minute are a scraper:
  // ten minutes, whatever its quota says; 20, 40, … if it goes on soon after that, and never more than a day.
  block: { after: 5, window: "1min", for: "10min", growth: 2, max: "1day" },
}, {
  client: { trustedProxies: ["127.0.0.1"] }, // the proxy in front of this server says who asks
  observers: [({ type, key }) => type === "blocked" && console.log(`${key} is blocked`)],
});

const pages = throttle.wrap((_request: Request, ..._server: unknown[]) => new Response("a page\n"));

/** For the support: `curl -X DELETE -H "authorization: Bearer the-admin" localhost:8000/blocks/192.0.2.1`. */
async function lift(request: Request, address: string): Promise<Response> {
  if (request.headers.get("authorization") !== "Bearer the-admin") return new Response(null, { status: 401 });
  await throttle.reset("pages", addressKey(address));
  return new Response(null, { status: 204 });
}

export default {
  fetch(request: Request, ...server: unknown[]): Response | Promise<Response> {
    const [, first, address] = new URL(request.url).pathname.split("/");
    return request.method === "DELETE" && first === "blocks"
      ? lift(request, address)
      : pages(request, ...server);
  },
};
