/** `deno serve examples/shadow.ts`: a stricter rule, tried on real traffic before it refuses anyone. */
// Try: for i in $(seq 30); do curl -s localhost:8000 >/dev/null; done; curl localhost:8000/report
import { stats, type ThrottleEvent, withThrottle } from "@weir/throttle";

const statistics = stats();

/** The first times that somebody would be refused: what to look at before the rule goes live. */
function warn({ type, rule, key, method, route, decisions: [decision] }: ThrottleEvent): void {
  if (type !== "shadow-denied") return;
  console.log(`${rule} would refuse ${key} (${method} ${route ?? "*"}) for ${decision.retryAfterMs} ms`);
}

const site = withThrottle((_request: Request, ..._server: unknown[]) => new Response("a page\n"), [
  { name: "live", rate: "25/min" },
  // Counts as if it were live, and beside the live one: it is in events and statistics, never in an answer.
  { name: "planned", rate: "10/min", mode: "shadow" },
], { observers: [statistics, warn] });

export default {
  async fetch(request: Request, ...server: unknown[]): Promise<Response> {
    if (new URL(request.url).pathname !== "/report") return await site(request, ...server);
    const { by_rule } = await statistics.read();
    return Response.json(by_rule); // planned: { shadow_refused: … } next to live: { refused: … }
  },
};
