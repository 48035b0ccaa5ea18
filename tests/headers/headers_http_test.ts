/** Rate headers that clients read over real connections: the tightest, the refusing rule's, and nothing of the IETF's on redirects. */
import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { describe, it } from "node:test";
import {
  byHeader,
  createThrottle,
  type HeaderFormat,
  rateLimit,
  retryAfter,
  type Rule,
  type ThrottleOptions,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import { throttle as honoThrottle } from "../../src/hono/mod.ts";
import { type Answer, get } from "../harness/http.ts";
import { type Handler, serve } from "../harness/serve.ts";
import { pause } from "../harness/until.ts";

const key = byHeader("x-client");
const all: ThrottleOptions = { headers: [xRateLimit(), rateLimit(), retryAfter()] };
const NAMES = ["x-ratelimit-remaining", "ratelimit-policy", "ratelimit", "retry-after"];

const told = ({ headers }: Answer) => NAMES.map((name) => headers.get(name)?.replace(/;t=\d+/g, "") ?? null);

/** Runs a handler on a server for as long as `use` takes; requests are one client's unless they say otherwise. */
async function served(
  handler: Handler,
  use: (visit: (path?: string, client?: string) => Promise<Answer>) => Promise<void>,
) {
  const server = await serve(handler);
  try {
    await use((path = "/", client = "ann") =>
      get(server.url + path, { headers: { "x-client": client }, redirect: "manual" })
    );
  } finally {
    await server.close();
  }
}

describe("one throttle around another use of itself", () => {
  const rule: Rule = { name: "own", rate: "10/hour", key };
  const policy = '"own";q=10;w=3600';

  it("says what is left after both", async () => {
    const { wrap } = createThrottle(rule, all);
    await served(wrap(wrap(() => new Response("inside"))), async (visit) => {
      assertEquals(told(await visit()), ["8", policy, '"own";r=8', null]);
      assertEquals(told(await visit()), ["6", policy, '"own";r=6', null]);
    });
  });

  it("says so with one and the same response for all requests, at once, to each client its own", async () => {
    const { wrap } = createThrottle(rule, all);
    const constant = new Response(null, { status: 204 });
    const pausing = async (request: Request): Promise<Response> => {
      if (request.headers.get("x-client") === "slow") await pause(20);
      return constant;
    };
    await served(wrap(wrap(pausing)), async (visit) => {
      const slow = visit("/", "slow");
      for (const left of ["8", "6", "4"]) {
        assertEquals(told(await visit("/", "fast")), [left, policy, `"own";r=${left}`, null]);
      }
      assertEquals(told(await slow), ["8", policy, '"own";r=8', null]);
      assertEquals(told(await visit("/", "other"))[0], "8");
    });
  });

  it("says so where a handler tries again within one request, and after another throttle between", async () => {
    const { wrap } = createThrottle(rule, all);
    const between = createThrottle({ name: "between", rate: "90/hour", key }, all);
    const inner = wrap(() => new Response("inside"));
    const twice = wrap(async (request: Request) => {
      await inner(request);
      return await inner(request);
    });
    await served(twice, async (visit) => assertEquals(told(await visit())[0], "7"));
    const around = createThrottle(rule, all);
    await served(
      around.wrap(between.wrap(around.wrap(() => new Response("inside")))),
      async (visit) =>
        assertEquals(told(await visit()), [
          "8",
          `${policy}, "between";q=90;w=3600`,
          '"own";r=8, "between";r=89',
          null,
        ]),
    );
  });

  it("shows the inner refusal alone", async () => {
    const { wrap } = createThrottle({ ...rule, rate: "3/hour" }, all);
    await served(wrap(wrap(() => new Response("inside"))), async (visit) => {
      await visit();
      const refused = await visit();
      assertEquals([refused.status, ...told(refused).slice(0, 3)], [
        429,
        "0",
        '"own";q=3;w=3600',
        '"own";r=0',
      ]);
    });
  });

  it("two routes of a Hono app under one throttle: the header is the tightest", async () => {
    const shared = createThrottle(rule, all);
    const app = new Hono();
    app.use(honoThrottle(shared));
    app.get("/twice", honoThrottle(shared), (c) => c.text("inside"));
    app.get("/once", (c) => c.text("inside"));
    await served(app.fetch as Handler, async (visit) => {
      assertEquals(told(await visit("/twice")), ["8", policy, '"own";r=8', null]);
      assertEquals(told(await visit("/once"))[0], "7");
      assertEquals(told(await visit("/twice"))[0], "5");
    });
  });
});

describe("a denial", () => {
  const wide: Rule = { name: "wide", rate: "100/hour", key };
  const strict = (headers: readonly HeaderFormat[]): Rule => ({
    name: "strict",
    rate: "1/hour",
    key,
    headers,
  });

  const table: [title: string, own: HeaderFormat[], options: ThrottleOptions, read: (string | null)[]][] = [
    ["in the IETF's fields", [rateLimit()], {}, [null, '"strict";q=1;w=3600', '"strict";r=0', "3600"]],
    ["in no field at all", [], {}, [null, null, null, "3600"]],
    ["in Unix time", [xRateLimit({ reset: "epoch" })], {}, ["0", null, null, "3600"]],
    ["with a wait of its own", [retryAfter()], { headers: [xRateLimit()] }, [null, null, null, "3600"]],
    [
      "beside the IETF's fields of all others",
      [xRateLimit()],
      { headers: [rateLimit(), retryAfter()] },
      ["0", '"wide";q=100;w=3600', null, "3600"],
    ],
  ];
  for (const [title, own, options, read] of table) {
    it(`by a rule that is sent ${title} shows nothing of what would have passed, and the wait`, async () => {
      const handler = withThrottle(() => new Response("inside"), [wide, strict(own)], options);
      await served(handler, async (visit) => {
        await visit();
        const refused = await visit();
        assertEquals([refused.status, ...told(refused)], [429, ...read]);
      });
    });
  }

  it("has a wait where every rule has formats of its own, and where another rule's format says it", async () => {
    await served(withThrottle(() => new Response("inside"), strict([xRateLimit()])), async (visit) => {
      await visit();
      assertEquals(told(await visit()), ["0", null, null, "3600"]);
    });
    const rules: Rule[] = [{ ...wide, rate: "1/hour" }, { ...strict([retryAfter()]), rate: "9/hour" }];
    await served(
      withThrottle(() => new Response("inside"), rules, { headers: [xRateLimit()] }),
      async (visit) => {
        await visit();
        assertEquals(told(await visit()), ["0", null, null, "3600"]);
      },
    );
  });

  it("has no wait where no format of the throttle or of a rule says one", async () => {
    const handler = withThrottle(() => new Response("inside"), strict([xRateLimit()]), {
      headers: [xRateLimit()],
    });
    await served(handler, async (visit) => {
      await visit();
      assertEquals(told(await visit()), ["0", null, null, null]);
    });
  });

  it("by a throttle within is not covered by what the one around has left, whatever either tells", async () => {
    const formats: ThrottleOptions[] = [
      { headers: [rateLimit()] },
      { headers: [] },
      { sendHeaders: "never" },
    ];
    for (const options of formats) {
      const within = createThrottle({ name: "within", rate: "9/hour", cost: 10, key }, options);
      const around = createThrottle(wide, { headers: [xRateLimit(), rateLimit()] });
      await served(around.wrap(within.wrap(() => new Response("inside"))), async (visit) => {
        const refused = await visit();
        assertEquals(refused.status, 429);
        assertEquals([refused.headers.get("x-ratelimit-remaining"), refused.headers.get("retry-after")], [
          null,
          null,
        ]);
        assertEquals(told(refused)[2], options.headers?.length === 1 ? '"within";r=9' : null);
        const head = await around.wrap(within.wrap(() => new Response("inside")))(
          new Request("https://api.example/", { method: "HEAD", headers: { "x-client": "head" } }),
        );
        assertEquals(head.headers.get("x-ratelimit-remaining"), null);
      });
    }
  });
});

describe("redirects", () => {
  const statuses = [300, 301, 302, 303, 304, 307, 308];
  const redirecting: Handler = (request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(null, { status, headers: status === 304 ? {} : { location: "/200" } });
  };
  const rule: Rule = { name: "own", rate: "100/hour", key };

  for (const draft of [11, 7, 6] as const) {
    it(`draft ${draft}: the IETF's fields stay off 3xx, and are on all other statuses`, async () => {
      const handler = withThrottle(redirecting, rule, { headers: [xRateLimit(), rateLimit({ draft })] });
      await served(handler, async (visit) => {
        for (const status of [200, ...statuses, 404, 500]) {
          const { headers, status: answered } = await visit(`/${status}`);
          const fields = [...headers.keys()].filter((name) => name.startsWith("ratelimit"));
          assertEquals([answered, fields.length > 0], [status, !statuses.includes(status)], `${status}`);
          assertEquals(headers.has("x-ratelimit-remaining"), true);
        }
      });
    });
  }

  it("carry the IETF's fields where that is asked for", async () => {
    const handler = withThrottle(redirecting, rule, { headers: [rateLimit({ redirects: true })] });
    await served(handler, async (visit) => {
      assertEquals(told(await visit("/307")).slice(1, 3), ['"own";q=100;w=3600', '"own";r=99']);
    });
  });

  it("that refuse tell the wait and X-RateLimit, and leave alone what is there of the IETF's", async () => {
    const there = { location: "/slower", ratelimit: '"up";r=1;t=1' };
    const handler = withThrottle(() => new Response(null), { ...rule, rate: "1/hour" }, {
      ...all,
      reject: () => new Response(null, { status: 303, headers: there }),
    });
    await served(handler, async (visit) => {
      await visit();
      assertEquals(told(await visit()), ["0", null, '"up";r=1', "3600"]);
    });
  });
});
