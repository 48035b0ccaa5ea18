/** The route of a request that no rule has a pattern for, as what is passed beside the request names it. */
import { assertEquals } from "@std/assert";
import { Elysia } from "elysia";
import { H3, type H3Event } from "h3";
import { Hono } from "hono";
import { describe, it } from "node:test";
import { createThrottle, stats, type ThrottleEvent } from "../../mod.ts";
import { routeBeside } from "../../src/exchange/route_beside.ts";
import { throttle as honoThrottle } from "../../src/hono/mod.ts";
import { client } from "../harness/throttled.ts";

/** A throttle without patterns, and the routes that its observers got. */
function watched() {
  const routes: (string | null)[] = [];
  const statistics = stats();
  const throttle = createThrottle("99/min", {
    client,
    observers: [statistics, ({ route }: ThrottleEvent) => void routes.push(route)],
  });
  return { throttle, routes, statistics };
}

describe("the route of a request without a pattern", () => {
  const table: [title: string, platform: unknown[], route: string | null][] = [
    ["nothing is passed", [], null],
    ["one's own words", [{ ip: "192.0.2.1", route: "/items/:id" }], "/items/:id"],
    [
      "SvelteKit's event",
      [{ route: { id: "/blog/[slug]" }, url: new URL("https://a.example/blog/x") }],
      "/blog/[slug]",
    ],
    ["SvelteKit's event of no route", [{ route: { id: null } }], null],
    ["Astro's context", [{ routePattern: "/blog/[...slug]" }], "/blog/[...slug]"],
    ["h3's event", [{ context: { matchedRoute: { route: "/items/:id" } } }], "/items/:id"],
    ["h3's event of no route", [{ context: {} }], null],
    ["the second of two", [null, 7, { route: "/x" }], "/x"],
    [
      "what is no pattern",
      [{ route: "production" }, { route: 7 }, { routePattern: "" }, { route: null }],
      null,
    ],
  ];
  for (const [title, platform, route] of table) {
    it(`${title}: ${route}`, () => assertEquals(routeBeside(platform), route));
  }

  it("a rule's own pattern comes first", async () => {
    const routes: (string | null)[] = [];
    const { check } = createThrottle({ rate: "9/min", on: "/items/*" }, {
      client,
      observers: [({ route }) => void routes.push(route)],
    });
    await check(new Request("https://api.example/items/7"), { route: "/items/:id" });
    assertEquals(routes, ["/items/*"]);
  });

  it("in Hono is Hono's, whatever variable of a Worker is called route", async () => {
    const { throttle, routes } = watched();
    const app = new Hono<{ Bindings: { route: string } }>();
    app.get("/items/:id", honoThrottle("99/min", { client }), async (c) => {
      await throttle.check(c.req.raw, c.env);
      return c.text("item");
    });
    await app.request("https://api.example/items/7", {}, { route: "/variable" });
    assertEquals(routes, ["/items/:id"]);
  });

  it("in Elysia is Elysia's, in statistics too", async () => {
    const { throttle, routes, statistics } = watched();
    const app = new Elysia()
      .onBeforeHandle(async (context) => void await throttle.check(context.request, context))
      .get("/items/:id", () => "item");
    await app.handle(new Request("https://api.example/items/7"));
    assertEquals(routes, ["/items/:id"]);
    assertEquals(Object.keys((await statistics.read()).by_endpoint), ["/items/:id"]);
  });

  it("in h3 is h3's", async () => {
    const { throttle, routes } = watched();
    const app = new H3();
    app.get("/items/:id", async (event: H3Event) => {
      await throttle.check(event.req, event);
      return "item";
    });
    await app.request("/items/7");
    assertEquals(routes, ["/items/:id"]);
  });
});
