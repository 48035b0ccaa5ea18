/** Responses to clients: any kind of response with its rate headers, and refusals. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { after, before, describe, it } from "node:test";
import {
  byGlobal,
  byHeader,
  concurrency,
  detailJson,
  errorJson,
  type Handler,
  type HeaderFormat,
  memoryStore,
  problemJson,
  rateLimit,
  type Rejection,
  retryAfter,
  type Store,
  throttleOf,
  type ThrottleOptions,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import { get } from "../harness/http.ts";
import { runtime } from "../harness/runtime.ts";
import { serve, type Served } from "../harness/serve.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

const RATE_HEADERS = /^(x-)?ratelimit|^retry-after$/;

/** The rate headers of a response, by name. */
function rates({ headers }: { readonly headers: Headers }): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => RATE_HEADERS.test(name)));
}

/** The other headers. */
const others = (headers: Headers): [string, string][] =>
  [...headers].filter(([name]) => !RATE_HEADERS.test(name) && name !== "date");

const lines = (...texts: string[]) =>
  new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });

/** An upstream that is fetched from: what a proxy passes on has headers that cannot be changed. */
let upstream: Served;
before(async () => {
  upstream = await serve((request) => {
    const { pathname } = new URL(request.url);
    const headers = new Headers({ "content-type": "text/plain", etag: '"1"', "cache-control": "max-age=60" });
    for (const cookie of ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT"]) {
      headers.append("set-cookie", cookie);
    }
    if (pathname === "/limited") headers.set("ratelimit-policy", '"upstream";q=5;w=10');
    if (pathname === "/limited") headers.set("ratelimit", '"upstream";r=1;t=10');
    if (pathname === "/empty") return new Response(null, { status: 304, headers });
    return new Response(lines("from ", "upstream"), { status: pathname === "/missing" ? 404 : 200, headers });
  });
});
after(() => upstream.close());

describe("rate headers", () => {
  const kinds: [title: string, make: () => Response | Promise<Response>, status: number, body: string][] = [
    ["text", () => new Response("text"), 200, "text"],
    ["JSON", () => Response.json({ a: 1 }), 200, '{"a":1}'],
    ["a stream", () => new Response(lines("one ", "two")), 200, "one two"],
    ["a redirect", () => Response.redirect("https://api.example/there", 302), 302, ""],
    ["204", () => new Response(null, { status: 204 }), 204, ""],
    ["304", () => new Response(null, { status: 304, headers: { etag: '"1"' } }), 304, ""],
    ["404", () => new Response("nothing here", { status: 404 }), 404, "nothing here"],
    ["500", () => new Response("broken", { status: 500 }), 500, "broken"],
    ["a fetched response", () => fetch(upstream.url), 200, "from upstream"],
    ["a fetched 404", () => fetch(`${upstream.url}/missing`), 404, "from upstream"],
    ["a fetched 304", () => fetch(`${upstream.url}/empty`), 304, ""],
  ];
  for (const [title, make, status, body] of kinds) {
    it(`are on ${title}, and nothing else of it changes`, async () => {
      const plain = await make();
      // First, as a middleware does: on Node, @hono/node-server's responses make up their headers at the first look.
      const expected = others(plain.headers);
      const { send } = throttled("5/min", {}, make);
      const response = await send();
      assertEquals(rates(response), {
        "x-ratelimit-limit": "5",
        "x-ratelimit-remaining": "4",
        "x-ratelimit-reset": "60",
      });
      assertEquals([response.status, response.statusText], [status, plain.statusText]);
      assertEquals(others(response.headers), expected);
      assertEquals(await response.text(), body);
      await plain.body?.cancel();
    });
  }

  it("are written in place where that can be done", async () => {
    const made: Response[] = [];
    const { send } = throttled("5/min", {}, () => {
      made.push(new Response("text"));
      return made[0];
    });
    assert(await send() === made[0]);
  });

  it("of one Response object that a handler gives time and again are each client's own", async () => {
    const kept = new Response(null, { status: 503, headers: { "retry-after": "120", "x-own": "1" } });
    const formats = { headers: [xRateLimit(), rateLimit(), retryAfter()] };
    const within = withThrottle(() => kept, { name: "inner", rate: "5/min" }, {
      client,
      headers: [rateLimit()],
    });
    const { send } = throttled({ name: "outer", rate: "3/min" }, formats, within);
    for (const [from, remaining] of [["192.0.2.7", "2"], ["192.0.2.8", "2"], ["192.0.2.8", "1"]]) {
      const { headers } = await send("/", { from });
      assertEquals(headers.get("x-ratelimit-remaining"), remaining);
      assertEquals(headers.get("ratelimit-policy"), '"inner";q=5;w=60, "outer";q=3;w=60');
      assertEquals([headers.get("retry-after"), headers.get("x-own")], ["120", "1"]);
    }
  });

  it("are written although a Response takes no property more, as a frozen one", async () => {
    const { send } = throttled("5/min", {}, () => {
      const response = new Response("text");
      // The class of @hono/node-server adds what it needs at the first look.
      assert(response.body !== null);
      return Object.preventExtensions(response);
    });
    for (const remaining of ["4", "3"]) {
      const response = await send();
      assertEquals([response.headers.get("x-ratelimit-remaining"), await response.text()], [
        remaining,
        "text",
      ]);
    }
  });

  it("of the copy of a response that cannot be changed are each client's own, where it is given again", async () => {
    const { throttle } = throttled("5/min");
    const redirecting = throttle.wrap(() => Response.redirect("https://api.example/there"));
    await redirecting(requestTo("/", { from: "192.0.2.7" }));
    const kept = await redirecting(requestTo("/", { from: "192.0.2.7" }));
    const again = throttle.wrap(() => kept);
    for (const remaining of ["4", "3"]) {
      const { headers } = await again(requestTo("/", { from: "192.0.2.8" }));
      assertEquals(headers.get("x-ratelimit-remaining"), remaining);
    }
  });

  it("of one Response object that a rejection gives time and again are each refusal's own", async () => {
    const kept = new Response(null, { status: 429 });
    const { send, clock } = throttled("1/min", { reject: () => kept });
    await send();
    for (const wait of ["60", "20", "60"]) {
      assertEquals((await send()).headers.get("retry-after"), wait);
      clock.now += 40_000;
      if (wait === "20") await send();
    }
  });

  it("several Set-Cookie stay several, over any number of throttles", async () => {
    for (
      const make of [() => fetch(upstream.url), async () => new Response(null, await fetch(upstream.url))]
    ) {
      const { send } = throttled("5/min", {}, withThrottle(make, "6/min", { client }));
      const response = await send();
      assertEquals(response.headers.getSetCookie(), [
        "a=1; Path=/",
        "b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
      ]);
      assertEquals(response.headers.get("x-ratelimit-limit"), "5");
      await response.body?.cancel();
    }
  });

  it("Response.error() is passed on as it is, and counted", async () => {
    const error = Response.error();
    const { send, throttle } = throttled({ name: "r", rate: "5/min" }, {}, () => error);
    assert(await send() === error);
    assertEquals((await throttle.usage("r", "192.0.2.1")).remaining, 4);
  });

  it("are on a response to HEAD as on one to GET", async () => {
    const { send } = throttled(
      "5/min",
      {},
      () => new Response(null, { headers: { "content-length": "100" } }),
    );
    const { headers } = await send("HEAD /");
    assertEquals([headers.get("content-length"), headers.get("x-ratelimit-remaining")], ["100", "4"]);
  });

  it("leave Cache-Control, ETag and Vary of an allowed response alone", async () => {
    const headers = { "cache-control": "public, max-age=60", etag: '"1"', vary: "accept", expires: "0" };
    const { send } = throttled("5/min", {}, () => new Response("text", { headers }));
    const answered = (await send()).headers;
    for (const [name, value] of Object.entries(headers)) assertEquals(answered.get(name), value);
  });

  it("an error of a handler is thrown on, and charged", async () => {
    const failures: Handler<unknown[]>[] = [
      () => {
        throw new SyntaxError("mine");
      },
      async () => {
        await null;
        throw new SyntaxError("mine");
      },
    ];
    for (const fail of failures) {
      const { send } = throttled("2/min", {}, fail);
      await assertRejects(async () => await send(), SyntaxError, "mine");
      await assertRejects(async () => await send(), SyntaxError, "mine");
      assertEquals((await send()).status, 429);
    }
  });

  const sendings: [ThrottleOptions["sendHeaders"], boolean, boolean][] = [
    ["always", true, true],
    ["denied", false, true],
    ["never", false, false],
  ];
  for (const [sendHeaders = "always", onSuccess, onDenial] of sendings) {
    it(`sendHeaders "${sendHeaders}" does as it says`, async () => {
      const { send } = throttled("1/min", { sendHeaders });
      assertEquals(Object.keys(rates(await send())).length > 0, onSuccess);
      const { status, headers } = await send();
      assertEquals([status, headers.get("cache-control")], [429, "no-store"]);
      assertEquals(Object.keys(rates({ headers })).length > 0, onDenial);
    });
  }

  it("join what an upstream tells; ours is appended", async () => {
    const { send } = throttled(
      { name: "ours", rate: "5/min" },
      { headers: [rateLimit()] },
      () => fetch(`${upstream.url}/limited`),
    );
    const response = await send();
    assertEquals(rates(response), {
      "ratelimit-policy": '"upstream";q=5;w=10, "ours";q=5;w=60',
      "ratelimit": '"upstream";r=1;t=10, "ours";r=4;t=60',
    });
    await response.body?.cancel();
  });

  it("legacy headers of an upstream stay where they are tighter", async () => {
    for (const [remaining, shown] of [["1", "100"], ["99", "5"]]) {
      const headers = { "x-ratelimit-limit": "100", "x-ratelimit-remaining": remaining };
      const { send } = throttled("5/min", {}, () => new Response(null, { headers }));
      assertEquals((await send()).headers.get("x-ratelimit-limit"), shown);
    }
  });

  const origin = { "access-control-allow-origin": "*" };
  const exposed: [string, HeadersInit, ThrottleOptions, string | null][] = [
    ["nothing without CORS", {}, {}, null],
    ["what is sent", origin, {}, "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"],
    ["the IETF's names", origin, { headers: [rateLimit(), retryAfter()] }, "RateLimit-Policy, RateLimit"],
    [
      "nothing twice",
      { ...origin, "access-control-expose-headers": "x-ratelimit-limit, etag, X-RateLimit-Reset" },
      {},
      "x-ratelimit-limit, etag, X-RateLimit-Reset, X-RateLimit-Remaining",
    ],
    ["nothing that is not sent", origin, { sendHeaders: "denied" }, null],
  ];
  for (const [title, headers, options, names] of exposed) {
    it(`scripts of other origins may read ${title}`, async () => {
      const { send } = throttled("5/min", options, () => new Response("text", { headers }));
      assertEquals((await send()).headers.get("access-control-expose-headers"), names);
    });
  }

  it("a denial of a rejection with CORS exposes Retry-After too", async () => {
    const { send } = throttled("0/min", {
      reject: () => new Response(null, { status: 429, headers: origin }),
      headers: [{ fields: () => ({ "retry-after": "7" }), describe: retryAfter().describe! }],
    });
    assertEquals((await send()).headers.get("access-control-expose-headers"), "Retry-After");
  });
});

describe("header formats", () => {
  const own: HeaderFormat = {
    fields: ({ denied, quotas, retryAfterMs }) => {
      const text = quotas.map(({ name, remaining }) => `${name}=${remaining}`).join();
      return { "x-left": `${denied} ${text} ${retryAfterMs}` };
    },
  };

  it("are chosen for a throttle: fewer, others, of one's own, none", async () => {
    const table: [readonly HeaderFormat[], string[]][] = [
      [[xRateLimit()], ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]],
      [[retryAfter()], ["retry-after"]],
      [[rateLimit(), retryAfter()], ["ratelimit", "ratelimit-policy", "retry-after"]],
      [[rateLimit({ draft: 6 })], [
        "ratelimit-limit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "ratelimit-reset",
      ]],
      [[], []],
    ];
    for (const [headers, names] of table) {
      const { send } = throttled("1/min", { headers });
      await send();
      const refused = await send();
      assertEquals(Object.keys(rates(refused)), names);
      assertEquals(refused.headers.get("cache-control"), "no-store");
    }
    const { send } = throttled([{ name: "a", rate: "1/min" }, { name: "b", rate: "5/min" }], {
      headers: [own],
    });
    assertEquals((await send()).headers.get("x-left"), "false a=0,b=4 null");
    assertEquals((await send()).headers.get("x-left"), "true a=0,b=4 60000");
  });

  it("are chosen for a rule, instead of the throttle's", async () => {
    const { send } = throttled([
      { name: "a", rate: "1/min", headers: [own] },
      { name: "b", rate: "5/min" },
      { name: "c", rate: "2/min", headers: [] },
    ]);
    const { headers } = await send();
    assertEquals([headers.get("x-left"), headers.get("x-ratelimit-limit")], ["false a=0 null", "5"]);
    const refused = await send();
    assertEquals(refused.headers.get("x-left"), "true a=0 60000");
    // Only what refuses is told, and how long to wait, whichever formats the refusing rule has.
    assertEquals(rates(refused), { "retry-after": "60" });
  });

  it("of one's own without a text are left out, and never sent as the words undefined and null", async () => {
    const fields = { "x-a": undefined, "x-b": null, "x-c": "", "x-d": "sent" } as never;
    for (const rate of ["5/min", "0/min"]) {
      const { send } = throttled(rate, { headers: [{ fields: () => fields }] });
      const { headers } = await send();
      assertEquals(["x-a", "x-b", "x-c", "x-d"].map((name) => headers.get(name)), [null, null, null, "sent"]);
    }
  });

  it("that throw give an error, and hold nothing", async () => {
    const broken: HeaderFormat = {
      fields() {
        throw new RangeError("mine");
      },
    };
    const { send, throttle } = throttled(
      { name: "slots", rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() },
      { headers: [broken] },
    );
    await assertRejects(async () => await send(), RangeError, "mine");
    assertEquals((await throttle.usage("slots", "all")).remaining, 1);
  });

  it("a reset is in seconds from now for every combination of options", async () => {
    const store = () => memoryStore({ clock: () => 1_800_000_000_000 });
    const options: ThrottleOptions[] = [
      {},
      { sendHeaders: "denied" },
      { authenticate: () => null },
      { reject: problemJson() },
      { observers: [() => {}] },
      { onStoreFailure: "allow" },
    ];
    for (const given of options) {
      for (const rule of [{}, { unless: () => false }, { count: "failures" as const }, { cost: () => 1 }]) {
        for (const stage of ["before-auth", "after-auth"] as const) {
          const { send } = throttled(
            { rate: "1/min", stage, ...rule },
            { store: store(), ...given },
            () => new Response(null, { status: 400 }),
          );
          const [first, refused] = [await send(), await send()];
          if (given.sendHeaders === undefined) assertEquals(first.headers.get("x-ratelimit-reset"), "60");
          assertEquals(refused.headers.get("x-ratelimit-reset"), "60");
          assertEquals(refused.headers.get("retry-after"), "60");
        }
      }
    }
  });
});

describe("a denial", () => {
  it("has its headers unsuffixed, Retry-After and t the same instant", async () => {
    const { clock, send } = throttled(
      [{ name: "burst", rate: "1/min" }, { name: "daily", rate: "1000/day" }],
      {
        headers: [xRateLimit(), rateLimit(), retryAfter()],
      },
    );
    await send();
    clock.now += 12_345;
    const refused = await send();
    assertEquals([refused.status, rates(refused)], [429, {
      "ratelimit": '"burst";r=0;t=48',
      "ratelimit-policy": '"burst";q=1;w=60, "daily";q=1000;w=86400',
      "retry-after": "48",
      "x-ratelimit-limit": "1",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "48",
    }]);
    assertEquals(refused.headers.get("content-type"), "application/problem+json");
    assertEquals(await refused.json(), {
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Request cannot be satisfied as assigned quota has been exceeded",
      status: 429,
      detail: "1 request per minute; try again in 48 seconds",
      "violated-policies": ["burst"],
    });
  });

  it("waiting Retry-After and trying again passes, for the longest wait of several rules", async () => {
    const { clock, send } = throttled(["1/10s", "1/7s"]);
    await send();
    clock.now += 1;
    const wait = Number((await send()).headers.get("retry-after"));
    assertEquals(wait, 10);
    clock.now += (wait - 1) * 1000 - 2;
    assertEquals((await send()).status, 429);
    clock.now += 1001;
    assertEquals((await send()).status, 200);
  });

  const bodies: [string, Rejection][] = [
    ["mutable", () => new Response("no", { headers: { etag: '"1"', expires: "0", "last-modified": "0" } })],
    [
      "later",
      () => Promise.resolve(new Response("no", { headers: { "cache-control": "public, max-age=9" } })),
    ],
    ["a redirect", () => Response.redirect("https://api.example/slow-down")],
    ["fetched", () => fetch(upstream.url)],
  ];
  for (const [title, reject] of bodies) {
    it(`is never stored, though one of the user's own says so (${title})`, async () => {
      const { send } = throttled("0/min", { reject });
      for (const target of ["GET /", "HEAD /"]) {
        const { headers, body } = await send(target);
        assertEquals(headers.get("cache-control"), "no-store");
        assertEquals(["etag", "expires", "last-modified"].filter((name) => headers.has(name)), []);
        assertEquals(headers.get("x-ratelimit-limit"), "0");
        if (target === "HEAD /") assertEquals(body, null);
        await body?.cancel();
      }
    });
  }

  // Ours are known to be new, so nothing is looked for in their headers; one around them may have put something there.
  const ownRejections: [name: string, rejection: Rejection][] = [
    ["problemJson", problemJson()],
    ["detailJson", detailJson()],
    ["errorJson", errorJson()],
  ];
  const written: HeaderFormat = {
    fields: (_report, there) => ({
      "X-RateLimit-Limit": [there.get("X-RateLimit-Limit") ?? [], "7"].flat().join(", "),
    }),
  };
  const combinations: [title: string, headers: readonly HeaderFormat[]][] = [
    ["the usual ones", [xRateLimit(), retryAfter()]],
    ["none", []],
    ["two of a kind", [xRateLimit(), retryAfter(), xRateLimit({ reset: "epoch" }), retryAfter()]],
    ["two drafts that share a header", [rateLimit(), rateLimit({ draft: 6 }), rateLimit({ draft: 7 })]],
    ["drafts that share none", [rateLimit(), xRateLimit(), retryAfter()]],
    ["one of the user's own before them", [written, xRateLimit()]],
  ];
  for (const [name, rejection] of ownRejections) {
    for (const [title, headers] of combinations) {
      it(`by ${name} is the same alone as within a rejection of the user's own (${title})`, async () => {
        const rules = ["2/min", {
          name: "own",
          rate: "1/min",
          headers: [xRateLimit(), rateLimit({ draft: 6 })],
        }];
        const answers = [rejection, ((...words) => rejection(...words)) as Rejection].map(async (reject) => {
          const { send } = throttled(rules, { reject, headers });
          await send();
          const { status, headers: sent, body } = await send();
          return [status, [...sent], await new Response(body).text()];
        });
        const [alone, within] = await Promise.all(answers);
        assertEquals(alone, within);
      });
    }
  }

  it("of the user's own knows the outcome and the context", async () => {
    const { send } = throttled({ name: "login", rate: "1/min", on: "POST /login/:id" }, {
      reject: ({ allowed, decisions, response }, { address, route, identity, request }) =>
        Response.json([allowed, decisions[0].rule, response, address, route, identity, request.method], {
          status: 403,
        }),
    });
    await send("POST /login/7");
    const refused = await send("POST /login/7");
    assertEquals([refused.status, refused.headers.get("retry-after")], [403, "60"]);
    assertEquals(await refused.json(), [false, "login", null, "192.0.2.1", "/login/:id", null, "POST"]);
  });

  it("may be Response.error(), which is passed on as it is", async () => {
    const { send } = throttled("0/min", { reject: () => Response.error() });
    for (const target of ["GET /", "HEAD /"]) assertEquals((await send(target)).type, "error");
  });

  it("before authentication tells nothing of rules on identities", async () => {
    const { send } = throttled([
      { name: "ip", rate: "1/min" },
      { name: "user", rate: "9/min", stage: "after-auth", key: () => "ann" },
    ], { headers: [rateLimit()], authenticate: () => new Response(null, { status: 401 }) });
    for (const status of [401, 429]) {
      const response = await send();
      assertEquals([response.status, rates(response)["ratelimit-policy"]], [status, '"ip";q=1;w=60']);
    }
  });

  const broken: Store = {
    ...memoryStore(),
    shared: true,
    denyCache: false,
    decide: () => Promise.reject(new Error("ECONNREFUSED redis://secret@10.0.0.1")),
  };
  it("of a store that fails is 503, without its error's text or a number", async () => {
    const { send } = throttled("5/min", {
      store: broken,
      onStoreFailure: "deny",
      headers: [xRateLimit(), rateLimit(), retryAfter()],
    });
    const response = await send();
    assertEquals(response.status, 503);
    assertEquals(Object.keys(rates(response)), ["retry-after"]);
    const text = JSON.stringify([...response.headers]) + await response.text();
    assertFalse(/ECONN|redis|secret|10\.0/.test(text), text);
    assertStringIncludes(text, "temporary-reduced-capacity");
  });

  it("a request that passes for want of a store gets no numbers", async () => {
    const { send } = throttled("5/min", {
      store: broken,
      onStoreFailure: "allow",
      headers: [xRateLimit(), rateLimit()],
    });
    const response = await send();
    assertEquals([response.status, rates(response)], [200, {}]);
  });
});

describe("over a real connection", () => {
  const slot = { name: "slot", rate: { limit: 9 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() };
  const kinds: [string, Handler<unknown[]>][] = [
    ["text", () => new Response("text")],
    ["JSON", () => Response.json({ a: 1 })],
    [
      "a stream",
      () => new Response(lines("one ", "two"), { headers: { "content-type": "text/event-stream" } }),
    ],
    ["form data", () => new Response(new URLSearchParams("a=1"))],
    ["nothing", () => new Response(null, { status: 204 })],
    ["what is fetched", () => fetch(upstream.url)],
    ["what is fetched and changed", async () => {
      const response = await fetch(upstream.url);
      return new Response(response.body, response);
    }],
  ];
  for (const [title, handler] of kinds) {
    it(`${title} arrives as without a throttle, its type too, also where a slot is held`, async () => {
      for (const rule of ["9/min", slot]) {
        const servers = [await serve(handler), await serve(withThrottle(handler, rule, { client }))];
        const [plain, labelled] = [await get(servers[0].url), await get(servers[1].url)];
        const seen = ({ status, headers, text }: typeof plain) => [
          status,
          text,
          headers.get("content-type"),
          headers.getSetCookie(),
          headers.get("etag"),
        ];
        assertEquals(seen(labelled), seen(plain));
        assertEquals(labelled.headers.get("x-ratelimit-limit"), "9");
        for (const server of servers) await server.close();
      }
    });
  }

  it("a refusal arrives whole: headers and body for GET, headers alone for HEAD", async () => {
    const server = await serve(
      withThrottle(() => new Response("inside"), { name: "r", rate: "1/min" }, { client }),
    );
    await get(server.url);
    const [refused, head] = [await get(server.url), await get(server.url, { method: "HEAD" })];
    assertEquals([refused.status, head.status], [429, 429]);
    assertEquals(refused.headers.get("content-type"), "application/problem+json");
    assertEquals(JSON.parse(refused.text)["violated-policies"], ["r"]);
    assertEquals(head.text, "");
    for (const name of ["content-type", "cache-control", "x-ratelimit-limit", "x-ratelimit-remaining"]) {
      assertEquals(head.headers.get(name), refused.headers.get(name), name);
    }
    assertMatch(head.headers.get("retry-after")!, /^\d+$/);
    await server.close();
  });

  it("a text refusal of the user's own has a type for HEAD as for GET", async () => {
    const reject = () => new Response("slow down", { status: 429 });
    const server = await serve(withThrottle(() => new Response(), "0/min", { client, reject }));
    const [refused, head] = [await get(server.url), await get(server.url, { method: "HEAD" })];
    for (const { headers } of [refused, head]) {
      assertMatch(headers.get("content-type")!, /^text\/plain;\s?charset=utf-8$/i);
    }
    await server.close();
  });

  it("a response that authentication fetched is sent, and is not taken for an identity", async () => {
    // @hono/node-server puts a class of its own in the place of the global Response, which fetch() does not make.
    const server = await serve(
      withThrottle(() => new Response("inside"), { rate: "9/min", key: byHeader("x-key") }, {
        client,
        authenticate: () => fetch(`${upstream.url}/missing`),
      }),
    );
    const { status, text } = await get(server.url, { headers: { "x-key": "a" } });
    assertEquals([status, text], [404, "from upstream"]);
    await server.close();
  });
});

describe("an upgrade to WebSocket", () => {
  // deno-lint-ignore no-explicit-any -- no runtime's types are known to all three
  const { Deno, Bun, WebSocket: Socket } = globalThis as any;

  async function echo(url: string): Promise<string> {
    const socket = new Socket(url.replace("http", "ws"));
    const said = await new Promise<string>((resolve, reject) => {
      socket.onopen = () => socket.send("hello");
      socket.onmessage = (event: { data: string }) => resolve(event.data);
      socket.onerror = () => reject(new Error("The connection was not upgraded"));
    });
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
    return said;
  }

  const rules = [
    { name: "rate", rate: "2/min" },
    { name: "failures", rate: "1/min", count: "failures" as const },
    { name: "slots", rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() },
  ];

  const onDeno = async () => {
    const handler = withThrottle(
      (request: Request) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = (event: { data: string }) => socket.send(event.data);
        return response;
      },
      rules,
      { client },
    );
    const server = await serve(handler);
    assertEquals([await echo(server.url), await echo(server.url)], ["hello", "hello"]);
    await assertRejects(() => echo(server.url));
    await server.close();
  };

  const onBun = async () => {
    const events: string[] = [];
    const handler = withThrottle(
      (request: Request, server: { upgrade(request: Request): boolean }) =>
        (server.upgrade(request) ? undefined : new Response(null, { status: 400 })) as unknown as Response,
      rules,
      { client, observers: [({ type }) => void events.push(type)] },
    );
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: handler,
      websocket: { message: (socket: { send(text: string): void }, text: string) => socket.send(text) },
    });
    const url = `http://127.0.0.1:${server.port}`;
    assertEquals([await echo(url), await echo(url)], ["hello", "hello"]);
    assertFalse(events.includes("error"));
    await assertRejects(() => echo(url));
    server.stop(true);
  };

  if (runtime === "deno") it("passes on Deno, its 101 untouched", onDeno);
  if (runtime === "bun") it("passes on Bun, whose handler then gives no response", onBun);

  it("a result that is no response is passed on, as servers mean something by it", async () => {
    const { send, throttle } = throttled(
      [
        ...rules,
        { name: "own", rate: "9/min", cost: 2, count: () => 5 },
      ],
      {},
      (request) => {
        assertEquals(throttleOf(request)?.decisions.length, 4);
        return undefined as unknown as Response;
      },
    );
    assertEquals(await send(), undefined as unknown as Response);
    const left = async (name: string, key: string) => (await throttle.usage(name, key)).remaining;
    assertEquals(await left("rate", "192.0.2.1"), 1);
    assertEquals(await left("failures", "192.0.2.1"), 1);
    assertEquals(await left("slots", "all"), 1);
    assertEquals(await left("own", "192.0.2.1"), 7);
    assertEquals((await send(requestTo("HEAD /"))) as unknown, undefined);
  });
});
