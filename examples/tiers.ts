/** `deno serve examples/tiers.ts`: each plan has its own rate. */
// Try: curl -i -H "authorization: Bearer token-of-ann" localhost:8000
import { byIp, byUser, type Identity, withThrottle } from "@weir/throttle";

/** The rate of each plan. Plain data: keep it beside your prices. */
const plans = new Map([
  ["free", "100/hour"],
  ["basic", "500/hour"],
  ["premium", "2000/hour"],
  ["enterprise", "10000/hour"],
]);

/** A stand-in for a session store. */
const sessions = new Map<string, Identity>([
  ["Bearer token-of-ann", { id: "ann" }],
  ["Bearer token-of-ben", { id: "ben", tier: "premium" }],
  ["Bearer token-of-cat", { id: "cat", tier: "a plan of the past" }],
  ["Bearer token-of-dan", { id: "dan", staff: true }],
]);

const handler = withThrottle(() => Response.json({ answer: 42 }), [
  { name: "address", rate: "600/min", headers: [] }, // limits clients that try tokens; responses show only the plan
  { name: "anonymous", rate: "20/hour", key: byIp({ anonymousOnly: true }) },
  {
    name: "plan",
    key: byUser(), // staff are exempt
    rate: ({ identity }) => plans.get(identity?.tier ?? "free") ?? "100/hour",
  },
], {
  authenticate({ request }) {
    const credentials = request.headers.get("authorization");
    if (credentials === null) return null;
    return sessions.get(credentials) ??
      new Response("No such session", { status: 401, headers: { "www-authenticate": "Bearer" } });
  },
});

export default { fetch: handler };
