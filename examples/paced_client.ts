/** `deno serve examples/paced_client.ts`: a client that keeps to the limits of its API. */
import { byGlobal, rateLimit, retryAfter, withThrottle } from "@weir/throttle";
import { pacedFetch } from "@weir/throttle/client";

/** The API: five requests per second for all clients. Every response has the remaining quota. */
const api = withThrottle(
  (request: Request) => new Response(`item ${new URL(request.url).pathname.slice(7)}`),
  { name: "api", rate: "5/s", key: byGlobal() },
  { headers: [rateLimit(), retryAfter()] },
);

/** One for the whole process, so that all its callers share the quota. Without the option it uses the network. */
const fetch = pacedFetch({
  fetch: async (input, init) => await api(new Request(input, init)),
  maxWaitMs: 10_000,
});

/** Ten items at once: the requests go at the API's pace, and none is refused. */
export default {
  async fetch(): Promise<Response> {
    const items = await Promise.all(
      Array.from({ length: 10 }, (_, i) => fetch(`https://api.example/items/${i}`)),
    );
    const texts = await Promise.all(items.map((response) => response.text()));
    return new Response(`${items.map(({ status }) => status).join(" ")}\n${texts.join("\n")}\n`);
  },
};
