/** The cost of a request in the end: counted by its response, settled by its handler, held until its body ends. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  byHeader,
  concurrency,
  type Count,
  createThrottle,
  fixedWindow,
  gcra,
  type Handler,
  memoryStore,
  type RateString,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type Throttle,
  throttleOf,
} from "../../mod.ts";
import { client, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";
import { until } from "../harness/until.ts";

const MINUTE = 60_000;

const ALGORITHMS: [string, Algorithm][] = [
  ["fixedWindow", fixedWindow()],
  ["gcra", gcra()],
  ["slidingLog", slidingLog()],
  ["slidingWindow", slidingWindow()],
];

const leftOf = async (throttle: Throttle, name: string, key = SOMEBODY): Promise<number> =>
  (await throttle.usage(name, key)).remaining;

/** A store that answers later, as one in another place does. */
function distant(store: Store): Store {
  return {
    ...store,
    decide: async (checks, spend) => {
      await new Promise((turn) => setTimeout(turn));
      return store.decide(checks, spend);
    },
  };
}

/** A body in the test's hands. */
function heldBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled: unknown;
  const body = new ReadableStream<Uint8Array>({
    start: (its) => void (controller = its),
    cancel: (reason) => void (cancelled = reason),
  });
  return {
    body,
    push: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: (error: Error) => controller.error(error),
    cancelled: () => cancelled,
  };
}

const turn = () => new Promise((later) => setTimeout(later));

describe("count", () => {
  const answer: Handler<unknown[]> = (request) =>
    new Response(null, { status: Number(request.headers.get("x-status")) });
  const table: [title: string, count: Count | undefined, left: Record<number, number>][] = [
    ["by default everything counts", undefined, { 200: 6, 204: 6, 302: 6, 404: 6, 500: 6 }],
    ["all", "all", { 200: 6, 204: 6, 302: 6, 404: 6, 500: 6 }],
    ["failures", "failures", { 200: 9, 204: 9, 302: 9, 399: 9, 400: 6, 401: 6, 404: 6, 500: 6 }],
    ["successes", "successes", { 200: 6, 204: 6, 299: 6, 302: 9, 304: 9, 400: 9, 404: 9, 500: 9 }],
    ["a predicate", ({ status }) => status === 404, { 200: 9, 404: 6, 500: 9 }],
    ["a predicate that takes its time", async ({ status }) => await (status === 404), { 200: 9, 404: 6 }],
    ["the response's own price", ({ status }) => status - 200, {
      200: 9,
      201: 8,
      203: 6,
      207: 2,
      209: 0,
      250: 0,
    }],
  ];
  for (const [title, count, lefts] of table) {
    for (const far of [false, true]) {
      it(`${title}${far ? ", on a store that answers later" : ""}`, async () => {
        for (const [status, remaining] of Object.entries(lefts)) {
          const clock = () => START;
          const store = far ? distant(memoryStore({ clock })) : memoryStore({ clock });
          const rule: Rule = { name: "r", rate: "9/min", cost: 3, ...(count === undefined ? {} : { count }) };
          const { send, throttle } = throttled(rule, { store }, answer);
          const { headers } = await send("/", { headers: { "x-status": status } });
          assertEquals([status, await leftOf(throttle, "r")], [status, remaining]);
          assertEquals(headers.get("x-ratelimit-remaining"), String(remaining), status);
        }
      });
    }
  }

  it("with defaults a handler that throws counts; of `successes` it is none, of `failures` one", async () => {
    const { send, throttle } = throttled(
      [
        { name: "all", rate: "3/min" },
        { name: "failures", rate: "9/min", count: "failures" },
        { name: "successes", rate: "9/min", count: "successes" },
        { name: "own", rate: "9/min", count: () => false },
      ],
      {},
      () => {
        throw new Error("no");
      },
    );
    for (let i = 0; i < 3; i++) await assertRejects(async () => await send(), Error, "no");
    assertEquals((await send()).status, 429);
    const names = ["all", "failures", "successes", "own"];
    assertEquals(await Promise.all(names.map((name) => leftOf(throttle, name))), [0, 6, 9, 6]);
  });

  it("of a login that answers a wrong password with a redirect is found out by a function, not by failures", async () => {
    const wrong: Count = (response) => response.headers.get("location") !== "/home";
    for (const [count, refused] of [["failures", 0], [wrong, 5]] as const) {
      const { statuses, send } = throttled({ rate: "5/min", count }, {}, (request) => {
        const location = request.headers.get("x-password") === "right" ? "/home" : "/login?wrong";
        return new Response(null, { status: 303, headers: { location } });
      });
      for (let i = 0; i < 9; i++) {
        assertEquals((await send("POST /login", { headers: { "x-password": "right" } })).status, 303);
      }
      const answers = await statuses(10, "POST /login");
      assertEquals(answers.filter((status) => status === 429).length, refused);
    }
  });

  it("a request is charged before its handler, so many at once cannot outrun what counts them", async () => {
    const { send, served } = throttled({ rate: "3/min", count: "failures" }, {}, async () => {
      await turn();
      return new Response(null, { status: 401 });
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => send()));
    assertEquals(answers.filter(({ status }) => status === 401).length, 3);
    assertEquals(served.length, 3);
  });

  it("a refused request's charge in the first stage is not given back for its 429", async () => {
    const { send, throttle } = throttled([
      { name: "ip", rate: "9/min", count: "successes" },
      { name: "user", rate: "0/min", stage: "after-auth", key: byGlobal() },
    ]);
    assertEquals((await send()).status, 429);
    assertEquals(await leftOf(throttle, "ip"), 8);
  });

  it("authentication's own answer is counted as a response is", async () => {
    const { send, throttle } = throttled([
      { name: "failures", rate: "9/min", count: "failures" },
      { name: "successes", rate: "9/min", count: "successes" },
      { name: "user", rate: "9/min", stage: "after-auth", key: byGlobal() },
    ], { authenticate: () => new Response(null, { status: 401 }) });
    await send();
    assertEquals([await leftOf(throttle, "failures"), await leftOf(throttle, "successes")], [8, 9]);
    assertEquals(await leftOf(throttle, "user", "all"), 9);
  });

  for (const wrong of [NaN, -1, 0.5, Infinity, "2", null, undefined]) {
    it(`a count that gives ${String(wrong)} keeps the charge and is reported to observers`, async () => {
      const { send, throttle, events } = throttled({
        name: "r",
        rate: "9/min",
        count: () => wrong as number,
      });
      assertEquals((await send()).status, 200);
      assertEquals(await leftOf(throttle, "r"), 8);
      const { type, rule, error } = events.at(-1)!;
      assertEquals([type, rule, error instanceof RangeError], ["error", "r", true]);
    });
  }

  it("a count that throws keeps the charge; the response is sent", async () => {
    for (const count of [() => fails(), async () => await fails()]) {
      const { send, throttle, events } = throttled({ name: "r", rate: "9/min", count });
      assertEquals(await (await send()).text(), "inside");
      assertEquals(await leftOf(throttle, "r"), 8);
      assertEquals([events.at(-1)!.type, String(events.at(-1)!.error)], ["error", "Error: mine"]);
    }
    function fails(): never {
      throw new Error("mine");
    }
  });

  it("is of its own rule alone", async () => {
    const { send, throttle } = throttled([
      { name: "a", rate: "9/min", count: () => false },
      { name: "b", rate: "9/min", count: () => 4 },
      { name: "c", rate: "9/min" },
    ]);
    await send();
    assertEquals(
      await Promise.all(["a", "b", "c"].map((name) => leftOf(throttle, name))),
      [9, 5, 8],
    );
  });

  it("in shadow: corrects what was charged, and nothing where it would have refused", async () => {
    const { send, throttle } = throttled({
      name: "s",
      rate: "2/min",
      mode: "shadow",
      count: () => false,
      cost: 2,
    });
    for (let i = 0; i < 3; i++) assertEquals((await send()).status, 200);
    assertEquals(await leftOf(throttle, "s"), 2);
  });
});

describe("settle", () => {
  const tokens: Rule = { name: "tokens", rate: "1000/hour", cost: 500 };

  it("makes a charge what it really was, more or less, and shows in the headers", async () => {
    for (const [title, algorithm] of ALGORITHMS) {
      for (const [cost, remaining] of [[120, 880], [500, 500], [0, 1000], [800, 200], [5000, 0]]) {
        const { send, throttle } = throttled({ ...tokens, algorithm }, {}, async (request) => {
          await throttleOf(request)!.settle("tokens", cost);
          return new Response();
        });
        const { headers } = await send();
        assertEquals(headers.get("x-ratelimit-remaining"), String(remaining), title);
        assertEquals(await leftOf(throttle, "tokens"), remaining, title);
      }
    }
  });

  it("neither fails nor waits where the cost function that hears of it fails; an event says why", async () => {
    const failures = [
      () => {
        throw new Error("deaf");
      },
      () => Promise.reject(new Error("deaf")) as never,
    ];
    for (const settled of failures) {
      const cost = Object.assign(() => 500, { settled });
      const { send, throttle, events } = throttled({ ...tokens, cost }, {}, async (request) => {
        await throttleOf(request)!.settle("tokens", 100);
        return new Response();
      });
      assertEquals((await send()).status, 200);
      assertEquals(await leftOf(throttle, "tokens"), 900);
      const [failed] = events.filter(({ type }) => type === "error");
      assertEquals([failed.rule, String(failed.error)], ["tokens", "Error: deaf"]);
    }
  });

  it("the first call decides, later ones do nothing, at once or after", async () => {
    for (const far of [false, true]) {
      const clock = () => START;
      const store = far ? distant(memoryStore({ clock })) : memoryStore({ clock });
      const { send, throttle } = throttled(tokens, { store }, async (request) => {
        const { settle } = throttleOf(request)!;
        await Promise.all([settle("tokens", 100), settle("tokens", 100), settle("tokens", 0)]);
        await throttleOf(request)!.settle("tokens", 700);
        return new Response();
      });
      await send();
      assertEquals(await leftOf(throttle, "tokens"), 900);
    }
  });

  it("twice is as once, whatever is said later, when, and under which algorithm", async () => {
    const later = fc.record({ cost: fc.nat(1500), afterMs: fc.nat(90 * MINUTE) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ALGORITHMS),
        fc.nat(1000),
        fc.array(later, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(300), { maxLength: 3 }),
        async ([, algorithm], cost, settles, others) => {
          const seen = [];
          for (const said of [settles, settles.slice(0, 1)]) {
            const { clock, throttle } = throttled({ ...tokens, cost: () => cost, algorithm });
            const { settle } = await throttle.check(requestTo());
            for (const units of others) {
              const other = await throttle.check(requestTo());
              if (other.allowed) await other.settle("tokens", units);
            }
            for (const { cost, afterMs } of said) {
              clock.now += afterMs;
              await settle("tokens", cost);
            }
            clock.now = START + settles.reduce((sum, { afterMs }) => sum + afterMs, 0);
            seen.push(await throttle.usage("tokens", requestTo()));
          }
          assertEquals(seen[0], seen[1]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("decides before `count` does", async () => {
    const { send, throttle } = throttled({ ...tokens, count: () => false }, {}, async (request) => {
      await throttleOf(request)!.settle("tokens", 300);
      return new Response();
    });
    await send();
    assertEquals(await leftOf(throttle, "tokens"), 700);
  });

  for (const [title, algorithm] of ALGORITHMS) {
    it(`${title}: after the window has rolled, the new one is untouched`, async () => {
      const settles: (() => unknown)[] = [];
      const { clock, send, throttle } = throttled({ ...tokens, algorithm }, {}, (request) => {
        settles.push(() => throttleOf(request)!.settle("tokens", 0));
        return new Response();
      });
      await send();
      clock.now += 2 * 60 * MINUTE;
      await send();
      await settles[0]();
      assertEquals(await leftOf(throttle, "tokens"), 500);
      await settles[1]();
      assertEquals(await leftOf(throttle, "tokens"), 1000);
      clock.now += 4 * 60 * MINUTE;
      assertEquals(await leftOf(throttle, "tokens"), 1000);
    });
  }

  it("after the last chunk of a stream, and after an abort", async () => {
    for (const abort of [false, true]) {
      let sent = 0;
      const { send, throttle } = throttled(tokens, {}, (request) => {
        const settle = () => void throttleOf(request)!.settle("tokens", sent);
        return new Response(
          new ReadableStream({
            pull(controller) {
              sent += 10;
              controller.enqueue(new Uint8Array(10));
              if (sent < 100) return;
              settle();
              controller.close();
            },
            cancel: settle,
          }, { highWaterMark: 0 }),
        );
      });
      const reader = (await send()).body!.getReader();
      assertEquals(await leftOf(throttle, "tokens"), 500);
      if (abort) {
        for (let i = 0; i < 3; i++) await reader.read();
        await reader.cancel();
      } else while (!(await reader.read()).done);
      assertEquals(await leftOf(throttle, "tokens"), abort ? 970 : 900);
    }
  });

  it("of a rule that did not apply, or did not charge, does nothing", async () => {
    const { send, throttle } = throttled(
      [
        { name: "skipped", rate: "9/min", key: byHeader("x-none") },
        { name: "shadow", rate: "0/min", mode: "shadow" },
        { name: "elsewhere", rate: "9/min", on: "/elsewhere" },
      ],
      {},
      async (request) => {
        for (const name of ["skipped", "shadow", "elsewhere"]) await throttleOf(request)!.settle(name, 5);
        return new Response();
      },
    );
    assertEquals((await send()).status, 200);
    assertEquals(await leftOf(throttle, "elsewhere"), 9);
  });

  it("is refused for what is no cost, or no rule, in a sentence", async () => {
    const { send } = throttled(tokens, {}, (request) => {
      const { settle } = throttleOf(request)!;
      for (const cost of [NaN, -1, 0.5, Infinity, "1" as unknown as number]) {
        assertThrows(() => settle("tokens", cost), RangeError, "cost must be an integer of at least 0");
      }
      assertThrows(() => settle("token", 1), TypeError, 'current value is "token"');
      return new Response();
    });
    assertEquals((await send()).status, 200);
  });

  it("of an outcome of check does the same", async () => {
    const { throttle } = throttled(tokens);
    const { settle } = await throttle.check(requestTo());
    await settle("tokens", 1);
    await settle("tokens", 1000);
    assertEquals(await leftOf(throttle, "tokens"), 999);
  });

  it("of k parallel requests whose estimates exceed the quota, only those that fit pass", async () => {
    for (const [title, algorithm] of ALGORITHMS) {
      const { send, throttle } = throttled({ ...tokens, algorithm, cost: 300 }, {}, async (request) => {
        await turn();
        await throttleOf(request)!.settle("tokens", 100);
        return new Response();
      });
      const count = async () =>
        (await Promise.all(Array.from({ length: 10 }, () => send()))).filter(({ ok }) => ok).length;
      assertEquals(await count(), 3, title);
      assertEquals(await leftOf(throttle, "tokens"), 700, title);
      assertEquals(await count(), 2, title);
      assertEquals(await leftOf(throttle, "tokens"), 500, title);
    }
  });

  it("keeps the charge when the store fails then, and observers hear of it", async () => {
    const within = memoryStore({ clock: () => START });
    let failing = false;
    const store: Store = {
      ...within,
      decide: (checks, spend) => {
        if (failing && spend !== false) throw new Error("out of reach");
        return within.decide(checks, spend);
      },
    };
    const { send, throttle } = throttled({ ...tokens, count: "failures" }, { store }, () => {
      failing = true;
      return new Response("inside");
    });
    assertEquals((await send()).status, 200);
    failing = false;
    assertEquals(await leftOf(throttle, "tokens"), 500);
  });
});

describe("waitUntil", () => {
  it("is given what goes on after the response, where the platform passes one", async () => {
    const store = distant(memoryStore());
    const throttle = createThrottle([
      { name: "tokens", rate: "9/min", cost: 5 },
      { name: "slots", rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() },
    ], { store, client });
    for (const place of [(ctx: unknown) => [{}, ctx], (ctx: unknown) => [ctx]]) {
      const kept: Promise<unknown>[] = [];
      const platform = place({ waitUntil: (work: Promise<unknown>) => void kept.push(work) });
      await throttle.reset("tokens", SOMEBODY);
      const handler = throttle.wrap((request, ..._platform: unknown[]) => {
        throttleOf(request)!.settle("tokens", 1);
        return new Response("body");
      });
      const response = await handler(requestTo(), ...platform);
      assertEquals(kept.length, 1);
      await response.text();
      assertEquals(kept.length, 2);
      await Promise.all(kept);
      assertEquals(await leftOf(throttle, "tokens"), 8);
      assertEquals(await leftOf(throttle, "slots", "all"), 1);
    }
  });

  it("may refuse work once the response is there, as the event of a service worker does: the body arrives whole", async () => {
    const store = distant(memoryStore());
    const throttle = createThrottle([
      { name: "slots", rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() },
    ], { store, client });
    const event = {
      isOver: false,
      waitUntil() {
        if (this.isOver) throw new DOMException("The event is not active", "InvalidStateError");
      },
    };
    const handler = throttle.wrap((_request, ..._platform: unknown[]) => new Response("body"));
    const response = await handler(requestTo(), event);
    event.isOver = true;
    assertEquals(await response.text(), "body");
    await until(async () => await leftOf(throttle, "slots", "all") === 1);
  });

  it("is not needed: without one nothing fails, and nothing is asked of it at once", async () => {
    const kept: unknown[] = [];
    const { throttle } = throttled({ rate: "9/min", count: "failures" });
    const outcome = await throttle.check(requestTo(), null, undefined, 7, {
      waitUntil: (work: unknown) => kept.push(work),
    });
    outcome.label(new Response());
    assertEquals(kept, []);
  });
});

describe("a concurrency slot", () => {
  const rule: Rule = {
    name: "slots",
    rate: { limit: 2 },
    algorithm: concurrency({ lease: "1min" }),
    key: byGlobal(),
  };
  const left = (throttle: Throttle) => leftOf(throttle, "slots", "all");

  it("is held until the body has ended, and refuses others meanwhile", async () => {
    const bodies = [heldBody(), heldBody()];
    let next = 0;
    const { send, throttle } = throttled(rule, {}, () => new Response(bodies[next++].body));
    const [first] = [await send(), await send()];
    const refused = await send();
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
    bodies[0].push("text");
    bodies[0].end();
    assertEquals(await left(throttle), 0);
    assertEquals(await first.text(), "text");
    assertEquals(await left(throttle), 1);
  });

  const ends: [string, (held: ReturnType<typeof heldBody>, response: Response) => Promise<unknown>][] = [
    ["ends", (held, response) => (held.end(), response.text())],
    [
      "errors",
      (held, response) => (held.fail(new Error("mine")), assertRejects(() => response.text(), Error, "mine")),
    ],
    [
      "is cancelled",
      (held, response) => response.body!.cancel("gone").then(() => assertEquals(held.cancelled(), "gone")),
    ],
    ["is cancelled while it is waited for", async (held, response) => {
      const reader = response.body!.getReader();
      const reading = reader.read();
      await reader.cancel("gone");
      assertEquals([held.cancelled(), (await reading).done], ["gone", true]);
    }],
  ];
  for (const [title, end] of ends) {
    it(`comes free when the body ${title}`, async () => {
      const held = heldBody();
      const { send, throttle } = throttled(rule, {}, () => new Response(held.body));
      const response = await send();
      assertEquals(await left(throttle), 1);
      await end(held, response);
      assertEquals(await left(throttle), 2);
    });
  }

  const atOnce: [string, Handler<unknown[]>, string][] = [
    ["there is no body", () => new Response(null, { status: 204 }), "GET /"],
    ["the body is empty and read", () => new Response(""), "GET /"],
    ["the request is HEAD", () => new Response("body"), "HEAD /"],
    ["it is a redirect", () => Response.redirect("https://api.example/"), "GET /"],
    ["it is Response.error()", () => Response.error(), "GET /"],
  ];
  for (const [title, handler, target] of atOnce) {
    it(`comes free at once when ${title}`, async () => {
      const { send, throttle } = throttled(rule, {}, handler);
      await (await send(target)).body?.cancel();
      assertEquals(await left(throttle), 2);
    });
  }

  it("comes free when the handler throws, at once or later", async () => {
    for (const handler of [() => fails(), async () => (await turn(), fails())]) {
      const { send, throttle } = throttled(rule, {}, handler);
      await assertRejects(async () => await send(), Error, "mine");
      assertEquals(await left(throttle), 2);
    }
    function fails(): never {
      throw new Error("mine");
    }
  });

  const stages: [string, Rule | RateString, Parameters<typeof throttled>[1], number][] = [
    ["the second stage refuses", { rate: "0/min", stage: "after-auth", key: byGlobal() }, {}, 429],
    ["authentication answers", "1/min", {
      authenticate: () => new Response(null, { status: 401 }),
    }, 401],
  ];
  for (const [title, beside, options, status] of stages) {
    it(`comes free when ${title}`, async () => {
      const { send, throttle } = throttled([rule, beside], options);
      assertEquals((await send()).status, status);
      assertEquals(await left(throttle), 2);
    });
  }

  const failures: [string, Rule, Parameters<typeof throttled>[1]][] = [
    ["authentication throws", { rate: "9/min" }, { authenticate: () => fails() }],
    ["a key of the second stage throws", { rate: "9/min", stage: "after-auth", key: () => fails() }, {}],
    ["the rejection throws", { rate: "0/min", stage: "after-auth", key: byGlobal() }, {
      reject: () => fails(),
    }],
  ];
  for (const [title, beside, options] of failures) {
    it(`comes free when ${title}`, async () => {
      const { send, throttle } = throttled([rule, beside], options);
      await assertRejects(async () => await send(), Error, "mine");
      assertEquals(await left(throttle), 2);
    });
  }
  function fails(): never {
    throw new Error("mine");
  }

  it("is not taken by a request that another rule of its stage refuses", async () => {
    const { statuses, throttle } = throttled([rule, "0/min"]);
    assertEquals(await statuses(3), [429, 429, 429]);
    assertEquals(await left(throttle), 2);
  });

  it("of a holder that crashed comes back after its lease, and an old release frees no other", async () => {
    const bodies = [heldBody(), heldBody(), heldBody()];
    let next = 0;
    const { clock, send, throttle } = throttled(rule, {}, () => new Response(bodies[next++].body));
    const [first] = [await send(), await send()];
    clock.now += MINUTE - 1;
    assertEquals((await send()).status, 429);
    clock.now += 1;
    assertEquals((await send()).status, 200);
    assertEquals(await left(throttle), 1);
    await first.body!.cancel();
    assertEquals(await left(throttle), 1);
  });

  it("can be given back early by settle, and is released once whatever was settled", async () => {
    for (const [cost, during] of [[0, 2], [1, 1], [2, 0]]) {
      const held = heldBody();
      const { send, throttle } = throttled(rule, {}, async (request) => {
        await throttleOf(request)!.settle("slots", cost);
        return new Response(held.body);
      });
      const response = await send();
      assertEquals(await left(throttle), during);
      held.end();
      await response.text();
      assertEquals(await left(throttle), 2);
    }
  });

  it("is released once where release is asked for while a settle is under way", async () => {
    const throttle = createThrottle(rule, { store: distant(memoryStore({ clock: () => START })), client });
    const other = await throttle.check(requestTo());
    const mine = await throttle.check(requestTo());
    const settling = mine.settle("slots", 0);
    mine.label(new Response());
    await settling;
    await turn();
    await turn();
    assertEquals(await left(throttle), 1);
    other.label(new Response());
    await turn();
    await turn();
    assertEquals(await left(throttle), 2);
  });

  it("of an outcome of check is held until the labelled response's body ends", async () => {
    const { throttle } = throttled(rule);
    const outcome = await throttle.check(requestTo());
    const response = outcome.label(new Response("body"));
    assertEquals(await left(throttle), 1);
    await response.text();
    assertEquals(await left(throttle), 2);
  });

  it("a window beside it counts every request still", async () => {
    const { statuses, throttle } = throttled(
      [rule, { name: "rate", rate: "3/min" }],
      {},
      () => new Response(null),
    );
    assertEquals(await statuses(4), [200, 200, 200, 429]);
    assertEquals([await left(throttle), await leftOf(throttle, "rate")], [2, 0]);
  });

  it("any order of arrivals, ends, errors, aborts and crashes: never more than the limit in flight", async () => {
    const action = fc.record({
      kind: fc.constantFrom("arrive", "arrive", "end", "error", "abort", "crash", "wait"),
      n: fc.nat(MINUTE),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(action, { maxLength: 40 }),
        async (limit, actions) => {
          type Flight = {
            cost: number;
            since: number;
            held: ReturnType<typeof heldBody>;
            response: Response;
          };
          const flights: Flight[] = [];
          let held!: ReturnType<typeof heldBody>;
          const { clock, send, throttle } = throttled(
            {
              ...rule,
              rate: { limit },
              cost: ({ request }) => Number(request.headers.get("x-cost")),
            },
            {},
            () => new Response(held.body),
          );
          for (const { kind, n } of actions) {
            const leased = () => flights.filter(({ since }) => clock.now < since + MINUTE);
            const used = () => leased().reduce((sum, { cost }) => sum + cost, 0);
            if (kind === "wait") clock.now += n;
            else if (kind === "arrive") {
              held = heldBody();
              const cost = 1 + n % 2;
              const response = await send("/", { headers: { "x-cost": String(cost) } });
              assertEquals(response.status, used() + cost <= limit ? 200 : 429);
              if (response.ok) flights.push({ cost, since: clock.now, held, response });
            } else if (flights.length > 0 && kind !== "crash") {
              const [{ held, response }] = flights.splice(n % flights.length, 1);
              if (kind === "abort") await response.body!.cancel();
              else {
                if (kind === "end") held.end();
                else held.fail(new Error("broken"));
                await response.text().catch(() => {});
              }
            }
            assertEquals(await left(throttle), Math.max(0, limit - used()));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("whatever is admitted", () => {
  it("never exceeds the quota of a window, for any order of arrivals, answers, settles and aborts", async () => {
    const sent = fc.record({
      key: fc.constantFrom("a", "b"),
      estimate: fc.integer({ min: 0, max: 6 }),
      real: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
      turns: fc.tuple(fc.nat(4), fc.nat(4)),
      end: fc.constantFrom("answer", "throw", "abort"),
    });
    type Sent = { key: string; estimate: number; real: number | null; turns: [number, number]; end: string };
    const pause = async (turns: number) => {
      for (let i = 0; i < turns; i++) await null;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(sent, { maxLength: 15 }),
        fc.constantFrom(...ALGORITHMS),
        fc.boolean(),
        async (requests, [, algorithm], far) => {
          const sents = new Map<Request, Sent>();
          const at = ({ request }: { request: Request }) => sents.get(request)!;
          const used = { a: 0, b: 0 } as Record<string, number>;
          const clock = () => START;
          const store = far ? distant(memoryStore({ clock })) : memoryStore({ clock });
          const { send, throttle } = throttled(
            {
              name: "r",
              rate: "10/hour",
              algorithm,
              key: async (context) => (await pause(at(context).turns[0]), at(context).key),
              cost: (context) => at(context).estimate,
            },
            { store },
            async (request) => {
              const { key, estimate, real, turns, end } = sents.get(request)!;
              used[key] += estimate;
              await pause(turns[1]);
              // An estimate that was too low is owed; one that was too high is free for others from here on.
              if (real !== null && real <= estimate) used[key] += real - estimate;
              const settled = real === null
                ? undefined
                : throttleOf(request)!.settle("r", Math.min(real, estimate));
              assertEquals(used[key] <= 10, true);
              if (end === "throw") throw new Error("no");
              await settled;
              return new Response("body");
            },
          );
          await Promise.all((requests as Sent[]).map(async (what) => {
            const request = requestTo();
            sents.set(request, what);
            const response = await send(request).catch(() => null);
            if (what.end === "abort") await response?.body?.cancel();
            else await response?.text();
          }));
          await turn();
          await turn();
          for (const key of ["a", "b"]) assertEquals(await leftOf(throttle, "r", key), 10 - used[key]);
        },
      ),
      { numRuns: 80 },
    );
  });
});
