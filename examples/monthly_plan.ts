/** `deno serve examples/monthly_plan.ts`: a plan by the month, from each customer's billing day on. */
// Try: curl -i -H "x-api-key: key-of-ann" localhost:8000
import { byIp, byUser, type Identity, rateLimit, retryAfter, withThrottle } from "@weir/throttle";

/** A stand-in for the subscriptions in a database. */
const subscriptions = new Map([
  ["ann", { limit: 20, startsOn: 15, timeZone: "Europe/Berlin" }],
  ["ben", { limit: 50_000, startsOn: 31, timeZone: "America/New_York" }], // in February from the 28th or 29th on
]);

/** A stand-in for the customers' API keys. */
const customers = new Map<string, Identity>([
  ["key-of-ann", { id: "ann" }],
  ["key-of-ben", { id: "ben" }],
  ["key-of-cat", { id: "cat" }], // on the free plan
]);

const handler = withThrottle(() => Response.json({ answer: 42 }), [
  { name: "address", rate: "600/min", headers: [] }, // limits clients that try keys; responses show only the plan
  { name: "trial", rate: { limit: 5, every: "day" }, key: byIp({ anonymousOnly: true }) },
  {
    name: "plan",
    key: byUser(),
    rate: ({ identity }) => ({ limit: 10, every: "month", ...subscriptions.get(identity?.id ?? "") }),
  },
], {
  headers: [rateLimit(), retryAfter()], // the policy's w is the length of this month, and t leads to the billing day
  authenticate({ request }) {
    const key = request.headers.get("x-api-key");
    return key === null ? null : customers.get(key) ?? new Response("No such key", { status: 401 });
  },
});

export default { fetch: handler };
