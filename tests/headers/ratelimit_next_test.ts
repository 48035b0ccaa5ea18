/** The text after draft 11, and a pace for what is left: what `rateLimit()` writes, and that an independent parser reads it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe as suite, it } from "node:test";
import { type BareItem, parseList, Token } from "structured-headers";
import {
  byApiKey,
  byGlobal,
  byHeader,
  byIp,
  byUser,
  compose,
  concurrency,
  createThrottle,
  firstOf,
  gcra,
  type HeaderFormat,
  type Key,
  type Quota,
  rateLimit,
  type RateLimitOptions,
  retryAfter,
  type Rule,
  type ThrottleOptions,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import { byJwt } from "../../src/auth/mod.ts";
import { describe } from "../../src/openapi/mod.ts";
import { requestTo, throttled } from "../harness/throttled.ts";

const DRAFTS = [11, "next", [11, "next"]] as const;
const next: ThrottleOptions = { headers: [rateLimit({ draft: "next" }), retryAfter()] };

/** The three fields of a response. */
const fields = ({ headers }: Response) =>
  ["ratelimit-policy", "ratelimit", "ratelimit-partition"].map((name) => headers.get(name));

/** A list as structured-headers reads it: its members' names and parameters. */
function read(field: string | null): [unknown, Record<string, BareItem>][] {
  return parseList(field!).map(([value, parameters]) => [value, Object.fromEntries(parameters)]) as [
    unknown,
    Record<string, BareItem>,
  ][];
}

suite('rateLimit, draft "next"', () => {
  const authenticate = () => ({ id: "ann" });

  it("says a, w and, where it is not 1, c", async () => {
    const { send } = throttled(
      [
        { name: "cost", rate: "100/hour", cost: 7 },
        { name: "slots", rate: { limit: 2 }, algorithm: concurrency({ lease: "1min" }) },
        { name: "g", rate: "60/min", algorithm: gcra() },
        { name: "free", rate: "5/min", cost: 0 },
      ],
      next,
    );
    assertEquals(fields(await send()), [
      '"cost";q=100;w=3600, "slots";q=2;qu="concurrent-requests", "g";q=60;w=60, "free";q=5;w=60',
      '"cost";a=93;w=3600;c=7, "slots";a=1, "g";a=59;w=59, "free";a=5;w=0;c=0',
      null,
    ]);
  });

  it("on a refusal names the refusing policies alone, each with its wait, and Retry-After the longest", async () => {
    const { send } = throttled([
      { name: "cost", rate: "8/hour", cost: 7 },
      { name: "minute", rate: "1/min" },
      { name: "wide", rate: "100/min" },
    ], next);
    await send();
    const refused = await send();
    assertEquals(fields(refused)[1], '"cost";a=1;w=3600;c=7, "minute";a=0;w=60');
    assertEquals(refused.headers.get("retry-after"), "3600");
  });

  it("says what a request cost in the end", async () => {
    const { send } = throttled({ name: "login", rate: "5/min", count: "failures" }, next);
    assertEquals(fields(await send())[1], '"login";a=5;w=0;c=0');
  });

  const keys: [title: string, rule: Omit<Rule, "rate">, partition: string | null][] = [
    ["a user", { key: byUser() }, '"own";user_id'],
    ["a token's subject", { key: byJwt() }, '"own";user_id'],
    ["an API key", { key: byApiKey({ verify: () => true }) }, '"own";client_id'],
    ["both", { key: compose(byUser(), byApiKey({ verify: () => true })) }, '"own";client_id;user_id'],
    ["a user and a method", { key: byUser(), on: "get /*" }, '"own";user_id;method=GET'],
    ["a method alone", { key: byGlobal(), on: ["GET /*", "GET /other"] }, '"own";method=GET'],
    ["a user, by several methods", { key: byUser(), on: ["GET /*", "POST /*"] }, '"own";user_id'],
    ["a user, by one method here and all there", { key: byUser(), on: ["GET /*", "/a"] }, '"own";user_id'],
    ["nothing", { key: byGlobal() }, null],
    ["an address", { key: byIp(), on: "GET /*" }, null],
    ["a header", { key: byHeader("x-api-key") }, null],
    ["a function", { key: () => "a" }, null],
    ["a user or an address", { key: firstOf(byUser(), byIp()) }, null],
    ["a user and an address", { key: compose(byUser(), byIp()) }, null],
    ["a dimension of one's own", {
      key: Object.assign(() => "a", { dimensions: ["com.example.tenant"] }) as Key,
    }, '"own";com.example.tenant'],
  ];
  for (const [title, rule, partition] of keys) {
    it(`RateLimit-Partition of a quota by ${title} is ${partition ?? "not sent"}`, async () => {
      const claims = { sub: "ann" };
      const options = { ...next, authenticate: () => ({ id: "ann", claims }) };
      const { send } = throttled({ name: "own", rate: "5/min", ...rule }, options);
      const response = await send("/a", { headers: { "x-api-key": "k" } });
      assertEquals(fields(response)[2], partition);
      assertEquals(fields(response)[0], '"own";q=5;w=60');
    });
  }

  it("a key's dimensions must be names that a field can have", () => {
    for (const dimensions of [["User"], ["a b"], [""], "user_id", [7]]) {
      assertThrows(
        () =>
          createThrottle({
            name: "own",
            rate: "1/s",
            key: Object.assign(() => "a", { dimensions }) as unknown as Key,
          }),
        TypeError,
        `Cannot use rule "own" as its key's dimensions must be names such as user_id: current value is ${
          JSON.stringify(dimensions)
        }`,
      );
    }
  });

  it("RateLimit-Partition joins what is there, and says nothing twice", async () => {
    const there = { "ratelimit-partition": '"up";com.example.a', "ratelimit": '"up";a=1;w=9' };
    const inner = createThrottle({ name: "own", rate: "5/min", key: byUser() }, { ...next, authenticate });
    const outer = createThrottle(
      { name: "reads", rate: "9/min", key: byUser(), on: "GET /*" },
      { ...next, authenticate },
    );
    const handler = outer.wrap(outer.wrap(inner.wrap(() => new Response("inside", { headers: there }))));
    const response = await handler(requestTo("/"));
    assertEquals(fields(response)[2], '"up";com.example.a, "own";user_id, "reads";user_id;method=GET');
  });

  it("is a field of parameters that structured-headers reads as tokens and true", async () => {
    const rule: Rule = { name: "reads", rate: "9/min", key: byUser(), on: "GET /*" };
    const { send } = throttled(rule, { ...next, authenticate });
    const [[name, parameters]] = read(fields(await send())[2]);
    assertEquals([name, parameters.user_id], ["reads", true]);
    assert(parameters.method instanceof Token && parameters.method.toString() === "GET");
  });

  it("stays off redirects, with RateLimit-Partition", async () => {
    const rule: Rule = { name: "own", rate: "9/min", key: byUser() };
    for (const redirects of [false, true]) {
      const options = { headers: [rateLimit({ draft: "next", redirects }), retryAfter()], authenticate };
      const { send } = throttled(rule, options, () => new Response(null, { status: 307 }));
      assertEquals(fields(await send()).map((field) => field !== null), Array(3).fill(redirects));
    }
  });

  it("is shown to scripts of other origins, and described to an API's users, where it is sent", async () => {
    const user: Rule = { name: "own", rate: "9/min", key: byUser() };
    const options = { ...next, authenticate };
    const headers = { "access-control-allow-origin": "*" };
    const { send, throttle } = throttled(user, options, () => new Response("inside", { headers }));
    assertEquals(
      (await send()).headers.get("access-control-expose-headers"),
      "RateLimit-Policy, RateLimit, RateLimit-Partition",
    );
    const told = describe(throttle);
    assertEquals(Object.keys(told.headers).slice(0, 3), [
      "RateLimitPolicy",
      "RateLimit",
      "RateLimitPartition",
    ]);
    const { TooManyRequests: { headers: ofRefusals } } = told.responses as unknown as {
      TooManyRequests: { headers: Record<string, { required?: boolean }> };
    };
    assertEquals(ofRefusals["RateLimit"].required, true);
    assertEquals(ofRefusals["RateLimit-Partition"].required, undefined);
    assertEquals(
      Object.keys(describe(createThrottle("9/min", next)).headers).includes("RateLimitPartition"),
      false,
    );
  });
});

suite('rateLimit, draft [11, "next"]', () => {
  it("says both dialects in one item, which readers of either understand", async () => {
    const options = { headers: [rateLimit({ draft: [11, "next"] }), retryAfter()] };
    const { send } = throttled([{ name: "default", rate: "51/30s" }, {
      name: "dear",
      rate: "9/min",
      cost: 2,
    }], options);
    assertEquals(
      fields(await send())[1],
      '"default";r=50;t=30;a=50;w=30, "dear";r=7;t=60;a=7;w=60;c=2',
    );
  });
});

suite("a field that is there", () => {
  const there: [title: string, there: string, ours: (draft: RateLimitOptions["draft"]) => string][] = [
    ["draft 11's", '"up";r=4;t=9', () => '"own";r=8;t=60'],
    ["the next one's", '"up";a=4;w=9', () => '"own";a=8;w=60;c=2'],
    ["both in one item", '"up";r=4;t=9;a=4;w=9', () => '"own";r=8;t=60;a=8;w=60;c=2'],
    [
      "neither",
      '"up"',
      (draft) =>
        draft === 11
          ? '"own";r=8;t=60'
          : draft === "next"
          ? '"own";a=8;w=60;c=2'
          : '"own";r=8;t=60;a=8;w=60;c=2',
    ],
  ];
  for (const [title, field, ours] of there) {
    it(`is joined in its dialect, whichever is asked for: ${title}`, async () => {
      for (const draft of DRAFTS) {
        const options = { headers: [rateLimit({ draft }), retryAfter()] };
        const upstream = () => new Response("inside", { headers: { ratelimit: field } });
        const { send } = throttled({ name: "own", rate: "10/min", cost: 2 }, options, upstream);
        const [, joined] = fields(await send());
        assertEquals(joined, `${field}, ${ours(draft)}`);
        assertEquals(parseList(joined!).length, 2);
      }
    });
  }
});

suite("the lists, as an independent parser reads them", () => {
  it("is every policy with its numbers, in every dialect, whatever the rules", async () => {
    const rule = fc.record({
      name: fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
      limit: fc.integer({ min: 0, max: 1e9 }),
      window: fc.integer({ min: 1, max: 1e6 }),
      cost: fc.integer({ min: 0, max: 20 }),
      method: fc.boolean(),
    });
    const rules = fc.uniqueArray(rule, { selector: ({ name }) => name, minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(rules, fc.constantFrom(...DRAFTS), fc.boolean(), async (made, draft, pace) => {
        const written = made.map(({ name, limit, window, cost, method }): Rule => ({
          name,
          rate: { limit, window },
          cost,
          key: byUser(),
          ...method ? { on: "GET /*" } : {},
        }));
        const { send } = throttled(written, {
          headers: [rateLimit({ draft, pace }), retryAfter()],
          authenticate: () => ({ id: "ann" }),
        });
        const response = await send("/a");
        const [policies, states, partitions] = fields(response);
        const names = read(policies).map(([name]) => name);
        // A refusal by a cost that never passes asks no other rule.
        const expected = made.map(({ name }) => name).filter((name) =>
          response.status === 200 || names.includes(name)
        );
        assertEquals(names, expected);
        for (const [name, numbers] of read(states)) {
          const { limit, cost } = made.find((rule) => rule.name === name)!;
          const left = [numbers.r, numbers.a].filter((number) => number !== undefined) as number[];
          assertEquals(left.length, Array.isArray(draft) ? 2 : 1);
          assert(left.every((number) => number === left[0] && number >= 0 && number <= limit));
          assertEquals(numbers.c, draft === 11 || cost === 1 ? undefined : cost);
        }
        if (draft === 11) assertEquals(partitions, null);
        else assertEquals(read(partitions).map(([name]) => name), names);
      }),
      { numRuns: 60 },
    );
  });
});

suite("rateLimit({ pace })", () => {
  const paced = (options: RateLimitOptions) => ({
    headers: [rateLimit({ pace: true, ...options }), retryAfter()],
  });
  const large: Rule = { name: "large", rate: "10000/1000s" };

  const moments: [afterMs: number, left: number, seconds: number][] = [
    [0, 9998, 1000],
    [500_000, 5000, 500],
    [989_500, 110, 11],
    [990_000, 100, 10],
    [999_000, 10, 1],
    [999_999, 10, 1],
  ];
  for (const [afterMs, left, seconds] of moments) {
    it(`${afterMs} ms into 1,000 s, of 9,998 left ${left} are sent for ${seconds} s`, async () => {
      const { send, clock } = throttled(large, paced({}));
      await send();
      clock.now += afterMs;
      assertEquals(fields(await send())[1], `"large";r=${left};t=${seconds}`);
    });
  }

  it("tells one unit where one is left, and none where none is", async () => {
    const { send, clock } = throttled({ name: "small", rate: "3/1000s" }, paced({}));
    await send();
    clock.now += 999_000;
    assertEquals(fields(await send())[1], '"small";r=1;t=1');
    assertEquals(fields(await send())[1], '"small";r=0;t=1');
    assertEquals(fields(await send())[1], '"small";r=0;t=1');
    const unused = throttled({ name: "unused", rate: "3/1000s", cost: 0 }, paced({}));
    assertEquals(fields(await unused.send())[1], '"unused";r=1;t=0');
  });

  it("goes by a refusal's own wait, as the seconds beside it do, but not for slots", () => {
    const refused = {
      ...{ name: "own", limit: 100, windowMs: 60_000, cost: 60, allowed: false, remaining: 50 },
      ...{ resetAfterMs: 60_000, retryAfterMs: 6000, blockedMs: 0 },
    };
    const stateOf = (quota: Quota) => {
      const report = { denied: true, quotas: [quota], retryAfterMs: 6000, at: 0 };
      return rateLimit({ pace: true }).fields(report, new Headers()).ratelimit;
    };
    assertEquals(stateOf(refused), '"own";r=10;t=6');
    assertEquals(stateOf({ ...refused, unit: "concurrent-requests" }), '"own";r=50');
  });

  it("holds for every draft, and for a refusal that leaves units", async () => {
    for (const draft of [11, 7, 6, ...DRAFTS.slice(1)] as const) {
      const { send, clock } = throttled(
        { ...large, cost: ({ request }) => request.method === "POST" ? 9_999 : 1 },
        paced({ draft }),
      );
      await send();
      clock.now += 990_000;
      for (const method of ["GET", "POST"]) {
        const response = await send(`${method} /`);
        assertEquals(response.status, method === "GET" ? 200 : 429);
        const text = fields(response)[1] ?? response.headers.get("ratelimit-remaining")!;
        assertEquals(/(?:[ra]|remaining)=(\d+)/.exec(text)?.[1] ?? text, "100", `${draft} ${method}`);
      }
    }
  });

  it("leaves alone what comes back bit by bit, slots, and what other formats tell", async () => {
    const options = { headers: [xRateLimit(), rateLimit({ pace: true }), retryAfter()] };
    const bucket = throttled({ name: "g", rate: "60/min", algorithm: gcra() }, options);
    const plain = throttled({ name: "g", rate: "60/min", algorithm: gcra() }, {
      headers: [rateLimit(), retryAfter()],
    });
    assertEquals(fields(await bucket.send())[1], fields(await plain.send())[1]);
    const slots: Rule = { name: "s", rate: { limit: 9 }, algorithm: concurrency({ lease: "1min" }) };
    assertEquals(fields(await throttled(slots, options).send())[1], '"s";r=8');
    const { send, clock } = throttled(large, options);
    await send();
    clock.now += 999_000;
    assertEquals((await send()).headers.get("x-ratelimit-remaining"), "9998");
  });

  it("changes nothing of what is decided", async () => {
    const { send, clock, statuses } = throttled({ name: "few", rate: "10/1000s" }, paced({}));
    await send();
    clock.now += 999_000;
    assertEquals(await statuses(10), [...Array(9).fill(200), 429]);
  });

  it("and redirects must be true or false", () => {
    for (const name of ["pace", "redirects"] as const) {
      assertThrows(
        () => rateLimit({ [name]: 1 as unknown as boolean }),
        TypeError,
        `Cannot send RateLimit headers as ${name} must be true or false: current value is 1`,
      );
    }
  });

  it("describes itself as the same format without it", () => {
    const plain: HeaderFormat = rateLimit();
    assertEquals(rateLimit({ pace: true }).describe, plain.describe);
    assert(withThrottle(() => new Response(), "1/s", paced({})) instanceof Function);
  });
});
