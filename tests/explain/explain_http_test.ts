/** Explanations of requests that came over a real socket, and of those that a throttle decided. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { describe, it } from "node:test";
import {
  byUser,
  createThrottle,
  type Explanation,
  memoryStore,
  type Throttle,
  throttleOf,
} from "../../mod.ts";
import { throttle as honoThrottle } from "../../src/hono/mod.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { serve } from "../harness/serve.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

/** Serves a handler for one test. */
async function serving(
  handler: Parameters<typeof serve>[0],
  act: (url: string) => Promise<void>,
): Promise<void> {
  const server = await serve(handler);
  try {
    await act(server.url);
  } finally {
    await server.close();
  }
}

const xff = { headers: { "x-forwarded-for": "6.6.6.6, 203.0.113.9" } };

describe("an explanation over HTTP", () => {
  it("is of the peer of the socket, or of the client behind a proxy that is trusted", async () => {
    for (
      const [options, value, from] of [
        [{}, "127.0.0.1", "the transport peer"],
        [
          { client: { trustedProxies: ["127.0.0.1"] } },
          "203.0.113.9",
          "entry 1 from the right of the header x-forwarded-for, as the peer is a trusted proxy",
        ],
      ] as const
    ) {
      const throttle = createThrottle({ name: "api", rate: "1/min" }, options);
      const handler = async (request: Request, ...platform: unknown[]) =>
        Response.json(await throttle.explain(request, ...platform));
      await serving(handler, async (url) => {
        const explanation: Explanation = await (await fetch(`${url}/a?b`, xff)).json();
        assertEquals([explanation.address.value, explanation.address.from], [value, from]);
        assertEquals([explanation.allowed, explanation.decided, explanation.rules[0].key?.value], [
          true,
          false,
          value,
        ]);
        // An explanation is data alone.
        assertStringIncludes(explanation.text, 'The request "GET /a" would be allowed now.');
      });
    }
  });

  it("is made inside the handler, and inside `reject`, without the server's arguments", async () => {
    const throttle: Throttle = createThrottle({ name: "api", rate: "1/min" }, {
      client: { trustedProxies: ["127.0.0.1"] },
      reject: async (_denial, { request }) =>
        new Response((await throttle.explain(request)).text, { status: 429 }),
    });
    const handler = throttle.wrap(async (request: Request, ..._platform: unknown[]) => {
      const { decided, rules: [{ used }] } = await throttle.explain(request);
      return Response.json({ decided, used, known: throttleOf(request)?.decisions.length });
    });
    await serving(handler, async (url) => {
      assertEquals(await (await fetch(url, xff)).json(), { decided: true, used: 1, known: 1 });
      const refused = await fetch(url, xff);
      const text = await refused.text();
      assertEquals(refused.status, 429);
      assertStringIncludes(text, 'The request "GET /" was refused at ');
      assertStringIncludes(text, "The address is 203.0.113.9, from entry 1 from the right");
      assertStringIncludes(
        text,
        "1 in use, 0 left; the request costs 1. It refused the request, which passes at ",
      );
    });
  });
});

describe("an explanation of a request that was decided", () => {
  it("is of the decisions, of whichever of several throttles is asked", async () => {
    const [outer, inner] = ["outer", "inner"].map((name) =>
      createThrottle({ name, rate: "2/min" }, { client })
    );
    const other = createThrottle({ name: "other", rate: "1/min" }, { client });
    const seen: unknown[] = [];
    const handler = outer.wrap(inner.wrap(async (request: Request) => {
      for (const throttle of [outer, inner, other]) {
        const { decided, rules: [{ rule, used }] } = await throttle.explain(request);
        seen.push([rule, decided, used]);
      }
      return new Response();
    }));
    await handler(requestTo());
    assertEquals(seen, [["outer", true, 1], ["inner", true, 1], ["other", false, 0]]);
  });

  it("is of the middleware's decisions in Hono", async () => {
    const throttle = createThrottle({ name: "api", rate: "1/min" }, { client });
    const app = new Hono();
    app.use(honoThrottle(throttle));
    app.get("/items/:id", async (c) => c.json(await throttle.explain(c.req.raw)));
    const { decided, allowed, rules }: Explanation = await (await app.request("/items/7")).json();
    assertEquals([decided, allowed, rules[0].used], [true, true, 1]);
  });

  it("says which rules were not asked, and why", async () => {
    const { throttle, clock } = throttled([
      { name: "api", rate: "1/min" },
      { name: "user", rate: "1/min", key: byUser() },
      { name: "limited", rate: "1/min", stage: "after-auth", key: () => "x" },
    ], {
      authenticate: ({ request }) =>
        request.headers.has("x-bad") ? new Response(null, { status: 401 }) : { id: "ann" },
    });
    const decide = async (init = {}) => {
      const request = requestTo("/", init);
      const { allowed } = await throttle.check(request);
      const explanation = await throttle.explain(request);
      assertEquals(explanation.allowed, allowed);
      return explanation;
    };
    const passed = await decide();
    assertEquals([passed.identity, passed.rules.map(({ used }) => used)], ["ann", [1, 1, 1]]);
    const refused = await decide();
    const reason = "a rule before authentication refused the request, so that it was not asked";
    assertEquals(refused.rules.map(({ because }) => because), ["it is for every request", reason, reason]);
    clock.now += 60_000;
    const turned = await decide({ headers: { "x-bad": "1" } });
    assertEquals(turned.rules[2].because, "authentication turned the request away with status 401");
    assertStringIncludes(
      turned.text,
      "was refused at 2027-01-15T08:01:00.000Z as authentication turned the request away",
    );
  });

  it("says that a rule was not asked where the refusal of another one was known before", async () => {
    const { throttle } = throttled([{ name: "never", rate: { limit: 0, window: "1min" } }, {
      name: "api",
      rate: "1/min",
    }]);
    const request = requestTo();
    await throttle.check(request);
    const { rules: [, { applies, because, decision }] } = await throttle.explain(request);
    assertEquals([applies, decision], [true, null]);
    assertStringIncludes(because, "but the refusal of another rule was known before it was asked");
  });

  it("says that the failure policy answered, or this instance's own counts", async () => {
    for (
      const [onStoreFailure, source, sentence] of [
        ["local", "local", "This instance answered from its own counts, as the store fails."],
        ["allow", "allowed-by-policy", "The failure policy answered, as the store fails."],
        ["deny", "denied-by-policy", "It refused the request, which passes when it can be counted again."],
      ] as const
    ) {
      const store = faultyStore(memoryStore());
      const { throttle } = throttled({ name: "api", rate: "5/min" }, { store, onStoreFailure });
      store.fault = "reject";
      const request = requestTo();
      await throttle.check(request);
      const { rules: [{ decision, used }], text } = await throttle.explain(request);
      assertEquals([decision?.source, used], [source, source === "local" ? 1 : null]);
      assertStringIncludes(text, sentence);
    }
  });

  it("is of the last passage where a request passes twice, and of a look for a copy of it", async () => {
    const { throttle, clock } = throttled({ name: "api", rate: "2/min" });
    const request = requestTo();
    await throttle.check(request);
    clock.now += 1000;
    await throttle.check(request);
    assertEquals((await throttle.explain(request)).rules[0].decision?.at, clock.now);
    const copy = await throttle.explain(new Request(request));
    assertEquals([copy.decided, copy.allowed], [false, false]);
  });
});
