/** `deno serve examples/hono.ts`: Hono, with limits for the app, a group and a route. */
import { byUser } from "@weir/throttle";
import { throttle, type ThrottleVariables } from "@weir/throttle/hono";
import { Hono } from "hono";

const app = new Hono<{ Variables: ThrottleVariables & { user: { id: string } } }>();

app.use(throttle("60/min"));
app.post("/login", throttle({ rate: "5/15min", count: "failures" }), (c) => c.text("wrong password\n", 401));

app.use("/api/*", throttle("30/min")); // before authentication: this rule protects it
app.use("/api/*", async (c, next) => {
  const id = /^Bearer (user-\w+)$/.exec(c.req.header("authorization") ?? "")?.[1];
  if (id === undefined) return c.text("who are you?\n", 401);
  c.set("user", { id });
  return await next();
});
app.use("/api/*", throttle({ rate: "10/min", key: byUser() }, { identity: (c) => c.get("user") }));
app.get("/api/report/:id", throttle({ name: "rows", rate: "1000/hour", cost: 100 }), async (c) => {
  await c.get("throttle").settle("rows", 42); // the real cost
  return c.json({ id: c.req.param("id"), rows: 42 });
});
app.get("/", (c) => c.json(c.get("throttle").decisions));

export default app;
