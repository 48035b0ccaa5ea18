/** `deno serve examples/shadow.ts`: a stricter rule in shadow mode, tried on real traffic. */
// Try: for i in $(seq 30); do curl -s localhost:8000 >/dev/null; done; curl localhost:8000/report
import { stats, type ThrottleEvent, withThrottle } from "@weir/throttle";

const statistics = stats();

/** Logs the first requests that the rule would refuse: look at them before you enforce it. */
function warn({ type, rule, key, method, route, decisions: [decision] }: ThrottleEvent): void {
  if (type !== "shadow-denied" || decision === undefined) return;
  console.log(`${rule} would refuse ${key} (${method} ${route ?? "*"}) for ${decision.retryAfterMs} ms`);
}

const site = withThrottle((_request: Request, ..._server: unknown[]) => new Response("a page\n"), [
  { name: "live", rate: "25/min" },
  // Counts like a live rule: events and statistics show its refusals, responses never do.
  { name: "planned", rate: "10/min", mode: "shadow" },
], { observers: [statistics, warn] });

export default {
  async fetch(request: Request, ...server: unknown[]): Promise<Response> {
    if (new URL(request.url).pathname !== "/report") return await site(request, ...server);
    const { by_rule } = await statistics.read();
    return Response.json(by_rule); // planned: { shadow_refused: … } next to live: { refused: … }
  },
};
