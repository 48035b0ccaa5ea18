/** Requests that nothing can be written on: frozen ones, and proxies that refuse. */
import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { describe, it } from "node:test";
import { createThrottle, memoryStore, throttleOf, withThrottle } from "../../mod.ts";
import { throttle as honoThrottle } from "../../src/hono/mod.ts";

const client = { address: () => "192.0.2.1" };

/** Deno's requests keep as properties what was read of them, so a frozen one has only what was read before. */
function frozen(request: Request): Request {
  void [request.url, request.method, request.headers];
  return Object.freeze(request);
}

/** A proxy over a request, as a framework makes it to add to what a request has. */
function proxyOf(request: Request, traps: ProxyHandler<Request> = {}): Request {
  return new Proxy(request, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    ...traps,
  });
}

const KINDS: Readonly<Record<string, (request: Request) => Request>> = {
  "a frozen Request": frozen,
  "a sealed Request": (request) => Object.seal(request),
  "a proxy": (request) => proxyOf(request),
  "a proxy that refuses": (request) => proxyOf(request, { set: () => false, defineProperty: () => false }),
  "a proxy that throws": (request) =>
    proxyOf(request, {
      set() {
        throw new Error("read only");
      },
    }),
};

describe("a request that cannot carry a property", () => {
  for (const [what, close] of Object.entries(KINDS)) {
    it(`is served and counted, and throttleOf knows it: ${what}`, async () => {
      const store = memoryStore({ clock: () => 1_800_000_000_000 });
      const decide = async (request: Request) => {
        await throttleOf(request)?.settle("outer", 2);
        return Response.json(throttleOf(request)?.decisions.map(({ remaining }) => remaining));
      };
      const inner = withThrottle(decide, { name: "inner", rate: "9/min" }, { store, client });
      const rule = { name: "outer", rate: "3/min", on: "GET /a" };
      const handler = createThrottle(rule, { store, client }).wrap(inner);
      const answers = [];
      for (let i = 0; i < 3; i++) {
        const response = await handler(close(new Request("https://example.com/a")));
        answers.push([response.status, response.status === 200 ? await response.json() : null]);
      }
      assertEquals(answers, [[200, [1, 8]], [200, [0, 7]], [429, null]]);
    });
  }

  it("keeps apart the exchanges of two throttles, one after the other", async () => {
    const request = frozen(new Request("https://example.com/"));
    const count = (request: Request) => Response.json(throttleOf(request)?.decisions.length);
    const counts = [];
    for (const name of ["one", "two"]) {
      const handler = withThrottle(count, { name, rate: "9/min" }, { client });
      counts.push(await (await handler(request)).json());
    }
    assertEquals(counts, [1, 1]);
  });

  it("is served by Hono's middleware, with Hono's route", async () => {
    const routes: (string | null)[] = [];
    const app = new Hono();
    app.use(honoThrottle("1/min", { client, observers: [({ route }) => void routes.push(route)] }));
    app.get("/items/:id", (c) => c.text("inside"));
    const statuses = [];
    for (let i = 0; i < 2; i++) {
      statuses.push((await app.fetch(frozen(new Request("https://example.com/items/7")))).status);
    }
    assertEquals(statuses, [200, 429]);
    assertEquals(routes, ["/items/:id", "/items/:id"]);
  });
});
