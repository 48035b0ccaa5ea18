/** `deno serve examples/dashboard.ts`: the throttled clients, routes and rules, behind a password. */
// Open localhost:8000/admin/throttle as "ops" with the password "change-me".
import { byGlobal, createThrottle, stats } from "@weir/throttle";
import { dashboard } from "@weir/throttle/dashboard";
import { throttle } from "@weir/throttle/hono";
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";

const statistics = stats(); // with { store: redisStore(...) } those of all instances together
const rules = createThrottle([
  { name: "everybody", rate: "1000/s", key: byGlobal() },
  { name: "each", rate: "60/min" },
  { name: "login", rate: "5/15min", on: "POST /login", block: { after: 10, window: "1h", for: "1h" } },
  { name: "planned", rate: "10/min", on: "/api/*", mode: "shadow" },
], { observers: [statistics] });

const app = new Hono();
app.use("/admin/*", basicAuth({ username: "ops", password: "change-me" }));
app.route(
  "/admin/throttle",
  dashboard({
    throttle: rules,
    stats: statistics,
    authorize: () => true, // basicAuth() has rejected all others before
  }),
);
app.use(throttle(rules));
app.post("/login", (c) => c.text("wrong password\n", 401));
app.get("*", (c) => c.text("hello\n"));

export default app;
