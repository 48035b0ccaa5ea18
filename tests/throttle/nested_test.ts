/** Throttles around throttles: their rules are joined, and so is what they tell. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseList } from "structured-headers";
import { describe, it } from "node:test";
import {
  byGlobal,
  concurrency,
  createThrottle,
  type Handler,
  rateLimit,
  retryAfter,
  throttleOf,
  type ThrottleOptions,
  xRateLimit,
} from "../../mod.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

const formats: ThrottleOptions = { headers: [xRateLimit(), rateLimit(), retryAfter()] };

const policies = (request: Request) => throttleOf(request)?.decisions.map(({ rule }) => rule);

function summary({ status, headers }: Response) {
  const names = (field: string) => parseList(headers.get(field) ?? "").map(([name]) => name);
  return {
    status,
    limit: headers.get("x-ratelimit-limit"),
    policies: names("ratelimit-policy"),
    states: names("ratelimit"),
    wait: headers.get("retry-after"),
  };
}

describe("nested throttles", () => {
  const table: [title: string, outer: string, inner: string, ReturnType<typeof summary>[]][] = [
    ["the outer one tighter", "2/min", "9/min", [
      { status: 200, limit: "2", policies: ["inner", "outer"], states: ["inner", "outer"], wait: null },
      { status: 200, limit: "2", policies: ["inner", "outer"], states: ["inner", "outer"], wait: null },
      { status: 429, limit: "2", policies: ["outer"], states: ["outer"], wait: "60" },
    ]],
    ["the inner one tighter", "9/min", "2/min", [
      { status: 200, limit: "2", policies: ["inner", "outer"], states: ["inner", "outer"], wait: null },
      { status: 200, limit: "2", policies: ["inner", "outer"], states: ["inner", "outer"], wait: null },
      { status: 429, limit: "2", policies: ["inner", "outer"], states: ["inner"], wait: "60" },
    ]],
  ];
  for (const [title, outer, inner, answers] of table) {
    it(`${title}: legacy headers show the tightest, the IETF's list all, a denial its own`, async () => {
      const within = createThrottle({ name: "inner", rate: inner }, { client, ...formats });
      const { send, served } = throttled(
        { name: "outer", rate: outer },
        formats,
        within.wrap(() => new Response()),
      );
      for (const answer of answers) assertEquals(summary(await send()), answer);
      assertEquals(served.length, outer === "2/min" ? 2 : 3);
    });
  }

  it("a charge of the outer one stays when the inner one refuses, and its handler has not run", async () => {
    let ran = 0;
    const within = createThrottle("1/min", { client });
    const { send, throttle } = throttled(
      { name: "outer", rate: "9/min" },
      {},
      within.wrap(() => {
        ran++;
        return new Response();
      }),
    );
    for (let i = 0; i < 3; i++) await send();
    assertEquals([ran, (await throttle.usage("outer", "192.0.2.1")).remaining], [1, 6]);
  });

  it("a handler sees the decisions of all, the outermost first, and can settle each", async () => {
    const within = createThrottle({ name: "inner", rate: "9/min", cost: 5 }, { client });
    const handler = within.wrap(async (request) => {
      for (const other of ["other", "", undefined, null] as string[]) {
        assertThrows(
          () => throttleOf(request)!.settle(other, 7),
          TypeError,
          "no throttle of this request has",
        );
      }
      await throttleOf(request)!.settle("inner", 1);
      await throttleOf(request)!.settle("outer", 2);
      return new Response(policies(request)!.join());
    });
    const { send, throttle } = throttled({ name: "outer", rate: "9/min", cost: 5 }, {}, handler);
    assertEquals(await (await send()).text(), "outer,inner");
    assertEquals((await throttle.usage("outer", "192.0.2.1")).remaining, 7);
    assertEquals((await within.usage("inner", "192.0.2.1")).remaining, 8);
  });

  it("side by side and tried again within one request, each is around its own handler alone", async () => {
    const seen: unknown[] = [];
    const see: Handler<unknown[]> = (request) => {
      seen.push(policies(request));
      return new Response(null, { status: 503 });
    };
    const [a, b] = ["a", "b"].map((name) => createThrottle({ name, rate: "9/min" }, { client }).wrap(see));
    const { send } = throttled({ name: "outer", rate: "9/min" }, {}, async (request) => {
      await a(request);
      await a(request);
      await b(request);
      seen.push(policies(request)?.[0]);
      return new Response();
    });
    await send();
    assertEquals(seen, [["outer", "a"], ["outer", "a"], ["outer", "b"], "outer"]);
  });

  it("one that failed or has answered is around nothing any more", async () => {
    const [a, b] = ["a", "b"].map((name) => createThrottle({ name, rate: "9/min" }, { client }));
    const request = requestTo();
    assertThrows(
      () =>
        a.wrap(() => {
          throw new Error("no");
        })(request),
      Error,
      "no",
    );
    await b.wrap((request) => new Response(String(policies(request))))(request);
    assertEquals(policies(request), ["b"]);
    await a.wrap(() => new Response())(request);
    assertEquals(policies(request), ["a"]);
  });

  it("checks in a row, as of a framework's middlewares, are nested too", async () => {
    const [a, b] = ["a", "b"].map((name) => createThrottle({ name, rate: "9/min" }, { client, ...formats }));
    const request = requestTo();
    const [first, second] = [await a.check(request), await b.check(request)];
    assertEquals(policies(request), ["a", "b"]);
    const answer = first.label(second.label(new Response()));
    assertEquals(summary(answer).policies, ["b", "a"]);
  });

  it("a slot of each is held until the one body ends", async () => {
    const slots = { rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() };
    const within = createThrottle({ name: "inner", ...slots }, { client });
    const { send, throttle } = throttled(
      { name: "outer", ...slots },
      {},
      within.wrap(() => new Response("body")),
    );
    const left = async () => [
      (await throttle.usage("outer", "all")).remaining,
      (await within.usage("inner", "all")).remaining,
    ];
    const response = await send();
    assertEquals(await left(), [0, 0]);
    assertEquals(await response.text(), "body");
    assertEquals(await left(), [1, 1]);
  });

  it("a preflight goes through all of them untouched", async () => {
    const within = createThrottle("0/min", { client });
    const { send } = throttled("0/min", {}, within.wrap(() => new Response(null, { status: 204 })));
    const headers = { origin: "https://app.example", "access-control-request-method": "PUT" };
    assertEquals([...(await send("OPTIONS /", { headers })).headers], []);
  });
});
