/** `deno serve examples/presets.ts`: the limits of a whole API as one table. */
import type { Authenticate, Rule } from "@weir/throttle";
import { byApiKey, byIp, byUser, firstOf, gcra, withThrottle } from "@weir/throttle";

/** Before authentication, by address: these rules protect the login. */
const before: Record<string, Rule> = {
  login: { rate: "5/15min", on: "POST /auth/login", algorithm: gcra() },
  register: { rate: "3/hour", on: "POST /auth/register" },
  password_reset: { rate: "3/hour", on: "POST /auth/password" },
  email_verify: { rate: "5/hour", on: "POST /auth/verify" },
};
/** After authentication, each with its own key. The rule by address skips users. */
const after: Record<string, Rule> = {
  anon: { rate: "100/hour", key: byIp({ anonymousOnly: true }) },
  sustained: { rate: "1000/day", key: byIp({ anonymousOnly: true }) },
  user: { rate: "1000/hour", key: byUser() }, // staff are exempt
  api_key: { rate: "5000/hour", on: "/partners/*", key: byApiKey({ verify: (key) => key === "k-1" }) },
};
/** After authentication, by user or else by address. */
const shared: Record<string, Rule> = {
  burst: { rate: "60/min" },
  order_create: { rate: "20/hour", on: "POST /orders" },
  payment: { rate: "10/hour", on: "POST /payments" },
  cart_modify: { rate: "100/hour", on: "/cart/*" },
  search: { rate: "200/hour", on: "GET /search" },
  list: { rate: "500/hour", on: "GET /products" },
  retrieve: { rate: "1000/hour", on: "GET /products/:id" },
  upload: { rate: "50/day", on: "POST /uploads" },
  export: { rate: "10/day", on: "GET /export" },
  report_generate: { rate: "20/day", on: "POST /reports" },
};
const key = firstOf(byUser(), byIp());
const unless: Rule["unless"] = ({ identity }) => identity?.staff ?? false;

const named = (table: Record<string, Rule>, more?: Partial<Rule>) =>
  Object.entries(table).map(([name, rule]): Rule => ({ name, ...rule, ...more }));
const rules = [...named(before), ...named(after), ...named(shared, { key, unless })];
const users = new Map([["ann", { id: "ann" }], ["root", { id: "root", staff: true }]]);
const authenticate: Authenticate = ({ request }) => users.get(request.headers.get("x-session") ?? "") ?? null;
export default { fetch: withThrottle(() => Response.json({ done: true }), rules, { authenticate }) };
