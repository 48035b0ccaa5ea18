import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";
import { describe, it } from "node:test";
import { throttle, type ThrottleVariables } from "../../src/hono/mod.ts";
import { concurrency } from "../../src/algorithms/concurrency.ts";
import type { Identity } from "../../src/context.ts";
import type { ThrottleEvent } from "../../src/observers/events.ts";
import { rateLimit } from "../../src/headers/ratelimit.ts";
import { byGlobal } from "../../src/keys/global.ts";
import { byUser } from "../../src/keys/user.ts";
import type { MaybePromise } from "../../src/maybe.ts";
import type { ThrottleOptions } from "../../src/throttle/options.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { createThrottle } from "../../src/throttle/throttle.ts";
import { writtenDuring } from "../harness/console.ts";
import { get } from "../harness/http.ts";
import { serve } from "../harness/serve.ts";

type App = { Variables: ThrottleVariables };

/** A client and a clock that do not change. */
function still(more: ThrottleOptions = {}): ThrottleOptions {
  return { client: { address: () => "192.0.2.1" }, store: memoryStore({ clock: () => 0 }), ...more };
}

/** The units that are left, as the headers say. */
function left(response: Response): string | null {
  return response.headers.get("x-ratelimit-remaining");
}

describe("throttle, the Hono middleware", () => {
  const bytes = new TextEncoder().encode("streamed");
  const answers: Record<string, (c: Context) => MaybePromise<Response>> = {
    "text": (c) => c.text("hello"),
    "JSON": (c) => c.json({ hello: true }),
    "a raw Response": () => new Response("raw"),
    "a redirect": (c) => c.redirect("/elsewhere"),
    "a raw redirect": () => Response.redirect("https://example.com/elsewhere", 307),
    "no content": (c) => c.body(null, 204),
    "a stream": (c) => stream(c, async (out) => void await out.write(bytes)),
    "a raw stream": () => new Response(new Blob([bytes]).stream()),
    "not found": (c) => c.notFound(),
    "an error": () => {
      throw new Error("broken");
    },
    "an HTTPException": () => {
      throw new HTTPException(418, { message: "tea" });
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    it(`headers are on ${name}`, async () => {
      const bare = new Hono().get("/", answer);
      const app = new Hono().use(throttle("5/min", still())).get("/", answer);
      for (const each of [bare, app]) each.onError((error, c) => c.text(error.message, 500));
      const [plain, response] = [await bare.request("/"), await app.request("/")];
      assertEquals(response.status, plain.status);
      assertEquals(left(response), "4");
      assertEquals(await response.text(), await plain.text());
      for (const [header, value] of plain.headers) assertEquals(response.headers.get(header), value);
    });
  }

  it("a fetched response, and one with several cookies, keep what they have", async () => {
    // Another server's quota, looser than ours: it must not come back over ours.
    const theirs = Object.entries({ limit: "10", remaining: "9", reset: "1" }).map(([name, value]) =>
      [`x-ratelimit-${name}`, value] as [string, string]
    );
    const upstream = await serve(() =>
      new Response("fetched", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"], ...theirs] })
    );
    try {
      const app = new Hono().use(throttle("5/min", still())).get("/", () => fetch(upstream.url));
      const response = await app.request("/");
      assertEquals(left(response), "4");
      assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
      assertEquals(await response.text(), "fetched");
    } finally {
      await upstream.close();
    }
  });

  it("refuses with 429, and the handler does not run", async () => {
    let ran = 0;
    const app = new Hono().use(throttle("1/min", still())).get("/", (c) => c.text(`${++ran}`));
    assertEquals((await app.request("/")).status, 200);
    const refused = await app.request("/");
    assertEquals(refused.status, 429);
    assertEquals(refused.headers.get("retry-after"), "60");
    assertEquals(refused.headers.get("content-type"), "application/problem+json");
    assertEquals(ran, 1);
  });

  it("answers HEAD with the same headers and counts it", async () => {
    const app = new Hono().use(throttle("2/min", still())).get("/", (c) => c.text("hello"));
    const head = await app.request("/", { method: "HEAD" });
    assertEquals([head.status, left(head), await head.text()], [200, "1", ""]);
    await app.request("/");
    const refused = await app.request("/", { method: "HEAD" });
    assertEquals([refused.status, await refused.text()], [429, ""]);
  });

  it("joins throttles of the app, a group and a route into one report", async () => {
    const headers = [rateLimit()];
    const told = (name: string, rate: string) =>
      throttle({ name, rate, key: byGlobal() }, still({ headers }));
    const app = new Hono<App>();
    app.use(told("app", "100/min"));
    app.use("/api/*", told("group", "10/min"));
    app.get("/api/one", told("route", "2/min"), (c) => {
      return c.json(c.get("throttle").decisions.map(({ rule, remaining }) => [rule, remaining]));
    });
    app.get("/api/two", (c) => c.text("two"));

    const first = await app.request("/api/one");
    assertEquals(first.headers.get("ratelimit"), '"route";r=1;t=60, "group";r=9;t=60, "app";r=99;t=60');
    assertEquals(await first.json(), [["app", 99], ["group", 9], ["route", 1]]);
    const other = await app.request("/api/two");
    assertEquals(other.headers.get("ratelimit"), '"group";r=8;t=60, "app";r=98;t=60');
    await app.request("/api/one");
    const refused = await app.request("/api/one");
    assertEquals(refused.status, 429);
    assertStringIncludes(refused.headers.get("ratelimit")!, '"route";r=0;t=60');
  });

  it("shows the tightest of them in the legacy headers", async () => {
    const app = new Hono().use(throttle("100/min", still())).use("/a", throttle("5/min", still()));
    app.get("/a", (c) => c.text("a")).get("/b", (c) => c.text("b"));
    assertEquals(left(await app.request("/a")), "4");
    assertEquals(left(await app.request("/b")), "98");
  });

  it("settles the real cost from the handler, under any of them", async () => {
    const app = new Hono<App>();
    app.use(throttle({ name: "tokens", rate: "1000/hour", cost: 500 }, still()));
    app.get("/", throttle("5/min", still()), async (c) => {
      await c.var.throttle.settle("tokens", 120);
      const [tokens] = c.get("throttle").decisions;
      return c.json(tokens.remaining);
    });
    assertEquals(await (await app.request("/")).json(), 880);
  });

  it("takes one Throttle in several places, and no options beside it", async () => {
    const shared = createThrottle("3/min", still());
    const app = new Hono().use("/a", throttle(shared)).use("/b", throttle(shared));
    app.get("/a", (c) => c.text("a")).get("/b", (c) => c.text("b"));
    assertEquals([left(await app.request("/a")), left(await app.request("/b"))], ["2", "1"]);
    const error = assertThrows(() => throttle(shared, { sendHeaders: "never" }), TypeError);
    assertEquals(
      error.message,
      'Cannot give options to a throttle that is made already: current value is ["sendHeaders"]',
    );
  });

  it("gives keys, costs, rates, unless and count the Hono context in platform[0]", async () => {
    const seen: unknown[] = [];
    const note = <T>(value: T, { platform: [c] }: { platform: readonly unknown[] }) => {
      seen.push((c as Context).req.query("q"));
      return value;
    };
    const rule: Rule = {
      rate: (context) => note("5/min", context),
      key: (context) => note("all", context),
      cost: (context) => note(2, context),
      unless: (context) => note(false, context),
      count: (_response, context) => note(true, context),
    };
    const app = new Hono().use(throttle(rule, still())).get("/", (c) => c.text("hello"));
    assertEquals(left(await app.request("/?q=x")), "3");
    assertEquals(seen, ["x", "x", "x", "x", "x"]);
  });

  it("reads the peer that the server passes to Hono", async () => {
    const app = new Hono().use(throttle({ rate: "5/min", key: ({ address }) => address })).get(
      "/",
      (c) => c.text("hello"),
    );
    const server = await serve((request, ...platform) => app.fetch(request, platform[0]));
    try {
      const { status, headers } = await get(server.url);
      assertEquals([status, headers.get("x-ratelimit-remaining")], [200, "4"]);
    } finally {
      await server.close();
    }
  });

  it("says what to configure where there is no address, in Hono's own error answer", async () => {
    const app = new Hono().use(throttle("5/min")).onError((error, c) => c.text(error.message, 500));
    const response = await app.request("/");
    assertEquals(response.status, 500);
    assertMatch(await response.text(), /address/);
  });

  it("keeps the platform alive for its background work, and needs no platform for that", async () => {
    const memory = memoryStore({ clock: () => 0 });
    const decide = async (...asked: Parameters<typeof memory.decide>) => await memory.decide(...asked);
    const rule: Rule = { rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }) };
    const app = new Hono().use(throttle(rule, still({ store: { ...memory, decide } })));
    app.get("/", (c) => c.text("hello"));

    const kept: Promise<unknown>[] = [];
    const keeper = {
      waitUntil: (work: Promise<unknown>) => void kept.push(work),
      passThroughOnException() {},
      props: {},
    };
    await (await app.request("/", {}, {}, keeper)).text(); // Workers
    await (await app.request("/", {}, { context: keeper })).text(); // hono/netlify
    assertEquals(kept.length, 2);
    await Promise.all(kept);
    await (await app.request("/")).text();
    assertEquals((await app.request("/")).status, 200);
  });
});

describe("the route that the Hono middleware tells", () => {
  async function routeOf(
    path: string,
    build: (app: Hono, limit: ReturnType<typeof throttle>) => unknown,
    rule?: Rule,
  ) {
    const events: ThrottleEvent[] = [];
    const app = new Hono();
    const rules: Rule = rule ?? { rate: "9/min", key: byGlobal() };
    build(app, throttle(rules, { observers: [(event) => void events.push(event)] }));
    await app.request(path);
    return events.find(({ type }) => type === "allowed")?.route;
  }
  const text = (c: Context) => c.text("hello");

  it("is the handler's pattern, wherever the throttle stands, and never the raw path", async () => {
    assertEquals(
      await routeOf("/items/7", (app, limit) => app.use(limit).get("/items/:id", text)),
      "/items/:id",
    );
    assertEquals(await routeOf("/items/7", (app, limit) => app.get("/items/:id", limit, text)), "/items/:id");
    assertEquals(
      await routeOf(
        "/items/7",
        (app, limit) => app.use("/items/*", limit).get("/items/:id", text).use(limit),
      ),
      "/items/:id",
    );
    assertEquals(
      await routeOf(
        "/api/v1/items/7",
        (app, limit) => app.use(limit).route("/api/v1", new Hono().get("/items/:id", text)),
      ),
      "/api/v1/items/:id",
    );
    assertEquals(
      await routeOf("/files/a/b", (app, limit) => app.use(limit).get("/files/*", text)),
      "/files/*",
    );
  });

  it("is the group's where there is no handler, and null where nothing but everything matches", async () => {
    assertEquals(await routeOf("/api/none", (app, limit) => app.use("/api/*", limit)), "/api/*");
    assertEquals(await routeOf("/none", (app, limit) => app.use(limit)), null);
    assertEquals(await routeOf("/none", (app, limit) => app.use(limit).get("*", text)), null);
  });

  it("is the rules' own pattern where they have one", async () => {
    const rule: Rule = { rate: "9/min", key: byGlobal(), on: "GET /items/:which" };
    assertEquals(
      await routeOf("/items/7", (app, limit) => app.use(limit).get("/items/:id", text), rule),
      "/items/:which",
    );
  });
});

describe("requests that the Hono middleware counts", () => {
  /** How many of these requests pass, of `rule`, to an app of all kinds of trouble. */
  async function passes(rule: Omit<Rule, "rate">, path: string, init?: RequestInit): Promise<number> {
    const app = new Hono().use(throttle({ ...rule, rate: "2/min" }, still()));
    app.onError((error, c) => error.message === "away" ? c.redirect("/login") : c.text(error.message, 500));
    app.post("/json", async (c) => c.json(await c.req.json()));
    app.get("/broken", () => {
      throw new Error("broken");
    });
    app.get("/away", () => {
      throw new Error("away");
    });
    app.get("/fine", (c) => c.text("fine"));
    let passed = 0;
    while (passed < 5 && (await app.request(path, init)).status !== 429) passed++;
    return passed;
  }
  const malformed = { method: "POST", body: "{", headers: { "content-type": "application/json" } };

  it("404, 405, malformed JSON and handlers' errors are charged", async () => {
    assertEquals(await passes({}, "/none"), 2);
    assertEquals(await passes({}, "/fine", { method: "DELETE" }), 2);
    assertEquals(await passes({}, "/json", malformed), 2);
    assertEquals(await passes({}, "/broken"), 2);
  });

  it("takes a handler's error for a failure, whatever Hono answers it with", async () => {
    assertEquals(await passes({ count: "failures" }, "/broken"), 2);
    assertEquals(await passes({ count: "failures" }, "/json", malformed), 2);
    assertEquals(await passes({ count: "failures" }, "/away"), 2);
    assertEquals(await passes({ count: "failures" }, "/fine"), 5);
    assertEquals(await passes({ count: "successes" }, "/broken"), 5);
    assertEquals(await passes({ count: "successes" }, "/away"), 5);
    assertEquals(await passes({ count: "successes" }, "/fine"), 2);
  });

  it("counts what is thrown and is no Error, which Hono lets through", async () => {
    const app = new Hono().use(throttle({ rate: "1/min", count: "failures" }, still()));
    app.get("/", () => {
      throw "a string";
    });
    await assertRejects(async () => await app.request("/"));
    assertEquals((await app.request("/")).status, 429);
  });

  it("frees a concurrency slot when the streamed body ends, and when a handler throws", async () => {
    const rule: Rule = { rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }) };
    const app = new Hono().use(throttle(rule, still())).onError((_, c) => c.text("broken", 500));
    app.get("/stream", (c) => stream(c, async (out) => void await out.write("streamed")));
    app.get("/broken", () => {
      throw new Error("broken");
    });
    assertEquals(await (await app.request("/broken")).text(), "broken");
    const first = await app.request("/stream");
    assertEquals((await app.request("/stream")).status, 429);
    assertEquals(await first.text(), "streamed");
    assertEquals((await app.request("/stream")).status, 200);
  });

  it("lets preflights pass, with nothing decided", async () => {
    const app = new Hono<App>().use(throttle("1/min", still()));
    app.options("/", (c) => c.json(c.get("throttle").decisions, 200));
    const preflight = {
      method: "OPTIONS",
      headers: { "origin": "https://example.org", "access-control-request-method": "PUT" },
    };
    for (let i = 0; i < 3; i++) {
      const response = await app.request("/", preflight);
      assertEquals([response.status, left(response), await response.text()], [200, null, "[]"]);
    }
  });

  it("a refusal keeps what cors() set before, and lets scripts read when to come back", async () => {
    const app = new Hono().use(cors()).use(throttle("1/min", still())).get("/", (c) => c.text("hello"));
    const request = { headers: { origin: "https://example.org" } };
    for (const status of [200, 429]) {
      const response = await app.request("/", request);
      assertEquals(response.status, status);
      assertEquals(response.headers.get("access-control-allow-origin"), "*");
      const exposed = response.headers.get("access-control-expose-headers")!.toLowerCase().split(", ");
      assert(exposed.includes("x-ratelimit-remaining"), exposed.join());
      assertEquals(exposed.includes("retry-after"), status === 429);
    }
  });

  it("has its headers on a 304 where etag() stands behind it", async () => {
    const app = new Hono().use(throttle("5/min", still()), etag()).get("/", (c) => c.text("hello"));
    const { headers } = await app.request("/");
    const again = await app.request("/", { headers: { "if-none-match": headers.get("etag")! } });
    assertEquals([again.status, left(again)], [304, "3"]);
  });

  it("leaves Hono to complain of a middleware that neither answers nor goes on", async () => {
    const app = new Hono().use(throttle("5/min", still())).use(async () => {});
    app.onError((error, c) => c.text(error.message, 500));
    assertMatch(await (await app.request("/")).text(), /Context is not finalized/);
  });
});

describe("identity, after a middleware that authenticates", () => {
  const people: Record<string, Identity> = { ann: { id: "ann" }, bob: { id: "bob", staff: true } };

  function appOf(rule: Omit<Rule, "rate">) {
    const app = new Hono<{ Variables: ThrottleVariables & { user: Identity | null } }>();
    app.use(async (c, next) => {
      c.set("user", people[c.req.header("x-user") ?? ""] ?? null);
      await next();
    });
    app.use(
      throttle(["100/min", { ...rule, rate: "1/min" }], { ...still(), identity: (c) => c.get("user") }),
    );
    return app.get("/", (c) => c.text("hello"));
  }

  it("is whom byUser counts for", async () => {
    const app = appOf({ key: byUser() });
    const statuses = async (user: string) => {
      const ask = async () => (await app.request("/", { headers: { "x-user": user } })).status;
      return [await ask(), await ask()];
    };
    assertEquals(await statuses("ann"), [200, 429]);
    assertEquals(await statuses("bob"), [200, 200]);
    assertEquals(await statuses("nobody"), [200, 200]);
  });

  it("is known to all rules' functions of the after-auth stage", async () => {
    const app = appOf({ stage: "after-auth", key: ({ identity }) => identity?.id ?? null });
    for (const status of [200, 429]) {
      assertEquals((await app.request("/", { headers: { "x-user": "ann" } })).status, status);
    }
  });

  it("is no warning's reason: what comes before the authentication is not this throttle's business", () => {
    const { lines } = writtenDuring(
      () => throttle({ name: "quiet", rate: "1/min", key: byUser() }, { identity: () => null }),
      "warn",
    );
    assertEquals(lines, []);
  });

  it("must be a function, and the only one who says who is asking", () => {
    const mistake = { identity: "me" } as unknown as { identity: () => null };
    assertThrows(
      () => throttle("1/min", mistake),
      TypeError,
      'identity must be a function: current value is "me"',
    );
    assertThrows(
      () => throttle("1/min", { identity: () => null, authenticate: () => null }),
      TypeError,
      "Cannot create a throttle with both identity and authenticate",
    );
  });
});
