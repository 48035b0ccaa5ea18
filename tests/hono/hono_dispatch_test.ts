/** Middleware of Hono that dispatches a request anew, before and after the throttle. */
import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { methodOverride } from "hono/method-override";
import { describe, it } from "node:test";
import { concurrency, createThrottle, type Rule } from "../../mod.ts";
import { throttle } from "../../src/hono/mod.ts";

const client = { address: () => "192.0.2.1" };

/** Status of one request whose method is overridden, and what is left afterwards. */
async function sent(place: "before" | "after", rule: Rule): Promise<[status: number, remaining: number]> {
  const app = new Hono();
  const override = methodOverride({ app });
  const quota = createThrottle({ name: "one", ...rule }, { client });
  if (place === "before") app.use(override);
  app.use(throttle(quota));
  if (place === "after") app.use(override);
  app.delete("/", (c) => c.text("deleted"));
  const form = new URLSearchParams({ _method: "DELETE" });
  const { status } = await app.request("/", { method: "POST", body: form });
  return [status, (await quota.usage("one", "192.0.2.1")).remaining];
}

const slot: Rule = { rate: { limit: 1 }, algorithm: concurrency({ lease: "1min" }) };

describe("methodOverride", () => {
  it("before the throttle is one request", async () => {
    assertEquals(await sent("before", { rate: "10/min" }), [200, 9]);
    assertEquals((await sent("before", slot))[0], 200);
  });

  it("after the throttle is two, as ./hono says: charged twice, and refused by the slot that it holds", async () => {
    assertEquals(await sent("after", { rate: "10/min" }), [200, 8]);
    assertEquals((await sent("after", slot))[0], 429);
  });
});
