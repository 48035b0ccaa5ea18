/** A fetch that keeps to what servers say, over real connections: Weir's and others' headers, absurd ones, aborts, bounds, retries. */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import {
  byHeader,
  createThrottle,
  type HeaderFormat,
  rateLimit,
  retryAfter,
  type Throttle,
  xRateLimit,
} from "../../mod.ts";
import { type Fetch, pacedFetch, type PacedFetchOptions } from "../../src/paced_fetch/mod.ts";
import { type AwakeClock, awakeClock } from "../harness/awake.ts";
import { type Handler, serve, type Served } from "../harness/serve.ts";
import { watchTimers } from "../harness/timers.ts";
import { pause } from "../harness/until.ts";

/** A server of one's own, on a path of the only one there is: each has a client that knows nothing of the others. */
interface Site {
  readonly url: string;
  /** The requests that it got, in order. */
  readonly asked: { readonly at: number; readonly method: string; readonly path: string }[];
}

let server: Served;
let awake: AwakeClock;
const sites = new Map<string, { site: Site; handler: Handler }>();

before(async () => {
  awake = awakeClock();
  server = await serve((request, ...platform) => {
    const { pathname } = new URL(request.url);
    const { site, handler } = sites.get(pathname.split("/")[1])!;
    site.asked.push({
      at: performance.now(),
      method: request.method,
      path: pathname.replace(/^\/[^/]*/, ""),
    });
    return handler(request, ...platform);
  });
});
after(async () => {
  awake.stop();
  await server.close();
});

function siteOf(handler: Handler): Site {
  const name = `site${String.fromCharCode(97 + sites.size % 26)}${"x".repeat(Math.floor(sites.size / 26))}`;
  const site: Site = { url: `${server.url}/${name}`, asked: [] };
  sites.set(name, { site, handler });
  return site;
}

/** A call, and its body read to the end. */
async function call(
  fetch: Fetch,
  url: string,
  init?: RequestInit,
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

const statusesOf = async (calls: Promise<{ status: number }>[]) =>
  (await Promise.all(calls)).map(({ status }) => status);
const times = (count: number, act: () => Promise<{ status: number; text: string }>) =>
  Array.from({ length: count }, act);

describe("pacedFetch and Weir", () => {
  const formats: Readonly<Record<string, HeaderFormat>> = {
    "draft 11": rateLimit(),
    "draft 11, paced": rateLimit({ pace: true }),
    "draft 7": rateLimit({ draft: 7 }),
    "draft 6": rateLimit({ draft: 6 }),
    "the text after draft 11": rateLimit({ draft: "next" }),
    "both dialects": rateLimit({ draft: [11, "next"] }),
    "X-RateLimit, seconds": xRateLimit(),
    "X-RateLimit, Unix time": xRateLimit({ reset: "epoch" }),
  };
  let runs: Map<string, ReturnType<typeof run>> | undefined;
  /** How late timers were during the runs, ms. */
  let lateBy: Promise<number>;

  /** A quarter of the limit's window. */
  const LATE_MS = 250;
  /** Half of the limit's window. */
  const ON_ITS_WAY_MS = 500;

  async function run(format: HeaderFormat, clients: number, spread: boolean) {
    const counts = { 200: 0, 429: 0 };
    const throttle: Throttle = createThrottle({ name: "own", rate: "20/s", key: byHeader("host") }, {
      headers: [format, retryAfter()],
    });
    const wrapped = throttle.wrap((_request: Request, ..._platform: unknown[]) => new Response("hello"));
    let onItsWayMs = 0;
    const { url } = siteOf(async (request, ...platform) => {
      onItsWayMs = Math.max(onItsWayMs, performance.now() - Number(request.headers.get("sent-at")));
      const response = await wrapped(request, ...platform);
      counts[response.status as 200 | 429]++;
      return response;
    });
    const began = performance.now();
    const send: Fetch = (input) => fetch(input, { headers: { "sent-at": String(performance.now()) } });
    const fetches = Array.from({ length: clients }, () => pacedFetch({ spread, fetch: send }));
    const calls = fetches.flatMap((fetch) => times(48 / clients, () => call(fetch, `${url}/items`)));
    assertEquals(await statusesOf(calls), Array(48).fill(200));
    return { refused: counts[429], passed: counts[200], tookMs: performance.now() - began, onItsWayMs };
  }

  for (const title of Object.keys(formats)) {
    for (const [clients, spread] of [[1, true], [1, false], [3, true]] as const) {
      const name = `${clients} on ${title}, ${spread ? "spread" : "at once"}`;
      it(`${name}: 48 calls at 20 per second pass, hardly any refused`, async () => {
        // All at once, before the first is looked at.
        if (runs === undefined) {
          const timers = watchTimers();
          runs = new Map(
            Object.entries(formats).flatMap(([title, format]) =>
              ([[1, true], [1, false], [3, true]] as const).map(([clients, spread]) => [
                `${clients} on ${title}, ${spread ? "spread" : "at once"}`,
                run(format, clients, spread),
              ])
            ),
          );
          lateBy = Promise.all(runs.values()).then(timers.lateBy);
        }
        const { refused, passed, tookMs, onItsWayMs } = await runs.get(name)!;
        assertEquals(passed, 48);
        // Requests that are sent at once, or later than they were to be as the machine is busy, may wait in the server's queue
        // for longer than the window: each may then be refused once, and none hammers.
        const isInTime = spread && await lateBy < LATE_MS && onItsWayMs < ON_ITS_WAY_MS;
        assertLessOrEqual(refused, isInTime ? clients : 48);
        assertGreaterOrEqual(tookMs, 1000);
      });
    }
  }
});

/** Headers of one answer of a server that lets 3 through per window. */
type Dialect = (left: number, resetAt: number, now: number, refused: boolean) => Record<string, string>;

const seconds = (ms: number) => String(Math.ceil(ms / 1000));
const DIALECTS:
  readonly (readonly [title: string, status: number, windowMs: number, refusedAtMost: number, Dialect])[] = [
    ["GitHub's: Unix time, and 403 for who has none left", 403, 1000, 0, (left, resetAt) => ({
      "x-ratelimit-limit": "3",
      "x-ratelimit-remaining": String(left),
      "x-ratelimit-reset": seconds(resetAt),
      "x-ratelimit-used": String(3 - left),
      "x-ratelimit-resource": "core",
    })],
    ["GitHub's secondary: 403 and Retry-After", 403, 1000, 12, (_, resetAt, now, refused) => ({
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "4990",
      "x-ratelimit-reset": seconds(now + 3_600_000),
      ...refused ? { "retry-after": seconds(resetAt - now) } : {},
    })],
    ["OpenAI's: units apart, durations, ms", 429, 400, 1, (left, resetAt, now, refused) => ({
      "x-ratelimit-limit-requests": "3",
      "x-ratelimit-remaining-requests": String(left),
      "x-ratelimit-reset-requests": `${resetAt - now}ms`,
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "6ms",
      ...refused ? { "retry-after-ms": String(resetAt - now), "retry-after": "1" } : {},
    })],
    ["Anthropic's: dates", 429, 400, 1, (left, resetAt, now, refused) => ({
      "anthropic-ratelimit-requests-limit": "3",
      "anthropic-ratelimit-requests-remaining": String(left),
      "anthropic-ratelimit-requests-reset": new Date(resetAt).toISOString(),
      ...refused ? { "retry-after": seconds(resetAt - now) } : {},
    })],
    [
      "Retry-After alone, in seconds",
      429,
      1000,
      12,
      (_, resetAt, now, refused) => refused ? { "retry-after": seconds(resetAt - now) } : {},
    ],
    [
      "Retry-After alone, as a date, from 503",
      503,
      1000,
      12,
      (_, resetAt, _now, refused): Record<string, string> =>
        refused ? { "retry-after": new Date(Math.ceil(resetAt / 1000) * 1000).toUTCString() } : {},
    ],
    ["nothing at all", 429, 400, 16, () => ({})],
    ["X-RateLimit without a reset", 429, 400, 12, (left) => ({ "x-ratelimit-remaining": String(left) })],
    ["draft 7, with the policy", 429, 1000, 0, (left, resetAt, now) => ({
      "ratelimit-policy": "3;w=1",
      "ratelimit": `limit=3, remaining=${left}, reset=${seconds(resetAt - now)}`,
    })],
    ["draft 11, with partition keys", 429, 1000, 0, (left, resetAt, now) => ({
      "ratelimit-policy": '"p";q=3;w=1',
      "ratelimit": `"p";r=${left};t=${seconds(resetAt - now)};pk=:YQ==:`,
    })],
  ];

describe("pacedFetch and servers that speak another dialect", () => {
  let runs: Promise<{ refused: number; statuses: number[] }>[];

  async function run(index: number) {
    const [, status, windowMs, , dialect] = DIALECTS[index];
    let resetAt = 0;
    let used = 0;
    let refused = 0;
    const { url } = siteOf(() => {
      const now = Date.now();
      if (now >= resetAt) [used, resetAt] = [0, now + windowMs];
      const isRefused = used >= 3;
      if (isRefused) refused++;
      else used++;
      return new Response("hello", {
        status: isRefused ? status : 200,
        headers: dialect(3 - used, resetAt, now, isRefused),
      });
    });
    const fetch = pacedFetch({ spread: false });
    const statuses = await statusesOf(times(8, () => call(fetch, `${url}/items`)));
    return { refused, statuses };
  }

  DIALECTS.forEach(([title, , , refusedAtMost], i) => {
    it(`${title}: 8 calls where 3 pass per window are answered, at most ${refusedAtMost} refused`, async () => {
      runs ??= DIALECTS.map((_, index) => run(index));
      const { refused, statuses } = await runs[i];
      assertEquals(statuses, Array(8).fill(200));
      assertLessOrEqual(refused, refusedAtMost);
    });
  });
});

describe("absurd values", () => {
  const absurd: [title: string, headers: Record<string, string>][] = [
    ["a year", { "retry-after": "31536000" }],
    ["a date in a year", { "retry-after": new Date(Date.now() + 31_536_000_000).toUTCString() }],
    ["1e300", { "retry-after": "1e300", "retry-after-ms": "1e300" }],
    ["many digits", { "retry-after": "9".repeat(400), "retry-after-ms": "9".repeat(400) }],
    ["less than nothing", {
      "retry-after": "-5",
      "retry-after-ms": "-5",
      "x-ratelimit-remaining": "-1",
      "x-ratelimit-reset": "-1",
    }],
    ["NaN", {
      "retry-after": "NaN",
      "x-ratelimit-remaining": "NaN",
      "x-ratelimit-reset": "NaN",
      "ratelimit": '"a";r=NaN;t=NaN',
    }],
    ["nothing", { "retry-after": "", "retry-after-ms": "", "ratelimit": "", "x-ratelimit-remaining": "" }],
    ["0", { "retry-after": "0", "retry-after-ms": "0", "ratelimit": '"a";r=9;t=0' }],
    ["two fields", { "retry-after": "0, 60", "x-ratelimit-remaining": "5, 0", "x-ratelimit-reset": "0, 60" }],
    ["plenty left, all the same", {
      "ratelimit": '"a";r=999999999999999;t=1',
      "x-ratelimit-remaining": "1e300",
    }],
    ["none left for a year", { "ratelimit": '"a";r=0;t=31536000' }],
    ["none left till the end of time", {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "8640000000000000",
    }],
    ["none left until long ago", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000000001" }],
    ["a list that never ends", { "ratelimit": '"a";r=0;t=1,'.repeat(400) }],
  ];
  let runs: Map<string, Promise<void>>;

  async function run(headers: Record<string, string>) {
    const site = siteOf(() => new Response("no", { status: 429, headers }));
    const fetch = pacedFetch({ maxWaitMs: 700 });
    const began = awake.ms();
    assertEquals(await statusesOf(times(20, () => call(fetch, `${site.url}/items`))), Array(20).fill(429));
    assertLess(awake.ms() - began, 5000);
    const { length } = site.asked;
    assertLessOrEqual(length, 23, "all at once, and three that find out");
    assertEquals((await call(fetch, `${site.url}/items`)).status, 429);
    assertLessOrEqual(site.asked.length - length, 1);
  }

  for (const [title, headers] of absurd) {
    it(`${title}, in refusals: each call ends in its time, and the server is hardly asked`, async () => {
      runs ??= new Map(absurd.map(([title, headers]) => [title, run(headers)]));
      await runs.get(title);
    });

    it(`${title}, in answers: each call ends in its time`, async () => {
      const site = siteOf(() => new Response("yes", { headers }));
      const fetch = pacedFetch({ maxWaitMs: 100 });
      for (let i = 0; i < 3; i++) {
        const { status } = await call(fetch, `${site.url}/items`);
        assert(status === 200 || (status === 429 && i > 0), `${status}`);
      }
    });
  }

  it("new policies with every answer are not kept for ever", async () => {
    let count = 0;
    const send = () => Promise.resolve(new Response("", { headers: { ratelimit: `"p${count++}";r=9;t=1` } }));
    const fetch = pacedFetch({ fetch: send, spread: false });
    for (let i = 0; i < 3000; i++) {
      await fetch(`https://api.example/${String.fromCharCode(97 + i % 26)}/${i}`);
    }
    assertEquals(count, 3000);
  });
});

describe("pacedFetch's bounds", () => {
  const usedUp = { ratelimit: '"own";r=0;t=60' };

  it("gives the server's own refusal back where the wait would be longer", async () => {
    const site = siteOf(() =>
      Response.json({ why: "quota" }, { status: 429, headers: { "retry-after": "60" } })
    );
    const fetch = pacedFetch({ maxWaitMs: 59_000 });
    assertEquals(await call(fetch, site.url), { status: 429, text: '{"why":"quota"}' });
    assertEquals(site.asked.length, 1);
  });

  it("answers itself, and sends nothing, where it knows that before", async () => {
    const site = siteOf(() => new Response("last", { headers: usedUp }));
    const fetch = pacedFetch({ maxWaitMs: 59_000, clock: () => 1e12 });
    assertEquals((await call(fetch, site.url)).status, 200);
    const response = await fetch(site.url);
    assertEquals([response.status, response.headers.get("retry-after")], [429, "60"]);
    assertEquals(await response.json(), { message: "pacedFetch: no quota for 60 s." });
    assertEquals(site.asked.length, 1);
  });

  it("waits for nothing with a bound of 0, and sends what there is a quota for", async () => {
    let left = 3;
    const site = siteOf(() => new Response("", { headers: { ratelimit: `"own";r=${--left};t=60` } }));
    const fetch = pacedFetch({ maxWaitMs: 0 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await call(fetch, site.url)).status);
    assertEquals(statuses, [200, 200, 200, 429, 429]);
  });

  it("spreading makes no call wait longer than its bound", async () => {
    const site = siteOf(() => new Response("", { headers: { ratelimit: '"own";r=50;t=3600' } }));
    const fetch = pacedFetch({ maxWaitMs: 200 });
    const [began, awakeThen] = [performance.now(), awake.ms()];
    assertEquals(await statusesOf(times(10, () => call(fetch, site.url))), Array(10).fill(200));
    assertGreaterOrEqual(performance.now() - began, 150);
    assertLess(awake.ms() - awakeThen, 3000);
  });

  it("lets one request alone find out about an origin, and no longer than a second", async () => {
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => answer = resolve);
    const site = siteOf(async () => {
      await answered;
      return new Response("");
    });
    // When they leave: on a busy machine each takes a time of its own to arrive.
    const sent: { readonly at: number; readonly awakeMs: number }[] = [];
    const send: Fetch = (input, init) => {
      sent.push({ at: performance.now(), awakeMs: awake.ms() });
      return fetch(input, init);
    };
    const paced = pacedFetch({ fetch: send });
    const calls = times(3, () => call(paced, site.url));
    while (site.asked.length < 2) await pause(20);
    assertGreaterOrEqual(sent[1].at - sent[0].at, 950);
    answer();
    assertEquals(await statusesOf(calls), [200, 200, 200]);
    assertLess(sent[2].awakeMs - sent[1].awakeMs, 900);
  });

  it("holds up no other quota, and no other origin", async () => {
    const other = await serve(() => new Response("other"));
    try {
      const site = siteOf((request) => {
        const name = request.url.endsWith("/logins") ? "logins" : "items";
        return new Response("", {
          headers: { ratelimit: `"all";r=90;t=1, "${name}";r=${name === "logins" ? 0 : 9};t=60` },
        });
      });
      const fetch = pacedFetch({ maxWaitMs: 2000 });
      const ask = async (url: string) => (await call(fetch, url)).status;
      assertEquals(await ask(`${site.url}/items/1`), 200);
      assertEquals(await ask(`${site.url}/logins`), 200);
      assertEquals(await ask(`${site.url}/logins`), 429);
      assertEquals(await ask(`${site.url}/items/2`), 200);
      assertEquals(await ask(`${site.url}/elsewhere`), 200);
      assertEquals(await ask(other.url), 200);
    } finally {
      await other.close();
    }
  });

  it("takes an answer without fields, as a redirect or a 404 may be, for no news", async () => {
    let count = 0;
    const site = siteOf(() =>
      new Response(
        "",
        count++ === 1 ? { status: 404 } : { headers: count < 3 ? { ratelimit: '"own";r=1;t=60' } : usedUp },
      )
    );
    const fetch = pacedFetch({ maxWaitMs: 0 });
    assertEquals((await call(fetch, site.url)).status, 200);
    assertEquals((await call(fetch, site.url)).status, 404);
    assertEquals((await call(fetch, site.url)).status, 200);
    assertEquals((await call(fetch, site.url)).status, 429);
  });

  it("a refusal together is one refusal: the wait grows with those one after another alone", async () => {
    const waits: number[] = [];
    const send = () => Promise.resolve(new Response("", { status: 429 }));
    const clock = { now: 1e12 };
    const fetch = pacedFetch({
      fetch: send,
      clock: () => clock.now,
      random: () => 0,
      maxWaitMs: 0,
      spread: false,
    });
    for (let i = 0; i < 12; i++) {
      await Promise.all(times(5, () => call(fetch, "https://api.example/")));
      const response = await fetch("https://api.example/");
      waits.push(Number(response.headers.get("retry-after")));
      clock.now += waits[i] * 1000;
    }
    assertEquals(waits.slice(0, 6), [1, 1, 1, 2, 4, 7]);
    assertEquals(Math.max(...waits), 60);
  });
});

describe("pacedFetch's signal", () => {
  const usedUp = { ratelimit: '"own";r=0;t=30' };

  it("ends a wait with its reason, at once, and nothing is sent", async () => {
    const site = siteOf(() => new Response("", { headers: usedUp }));
    const fetch = pacedFetch();
    await call(fetch, site.url);
    const ending = new AbortController();
    const reason = new Error("no more");
    const waiting = [
      fetch(site.url, { signal: ending.signal }),
      fetch(new Request(site.url, { signal: ending.signal })),
    ];
    setTimeout(() => ending.abort(reason), 20);
    for (const call of waiting) assertEquals(await call.then(() => null, (error) => error), reason);
    assertEquals(site.asked.length, 1);
  });

  it("that has ended already sends nothing; one with a time ends by it", async () => {
    const site = siteOf(() => new Response("", { headers: usedUp }));
    const fetch = pacedFetch();
    await assertRejects(() => fetch(site.url, { signal: AbortSignal.abort() }), DOMException);
    assertEquals(site.asked.length, 0);
    await call(fetch, site.url);
    const error = await fetch(site.url, { signal: AbortSignal.timeout(20) }).then(
      () => null,
      (thrown) => thrown,
    );
    assertEquals((error as DOMException).name, "TimeoutError");
  });

  it("lets those behind go on", async () => {
    let left = 1;
    const site = siteOf(() =>
      new Response("", {
        headers: { "x-ratelimit-remaining": String(left), "x-ratelimit-reset": left-- > 0 ? "30" : "1" },
      })
    );
    const time = { now: 1e12 };
    const fetch = pacedFetch({ spread: false, clock: () => time.now });
    await call(fetch, site.url);
    await call(fetch, site.url);
    const ending = new AbortController();
    const first = fetch(site.url, { signal: ending.signal }).then(() => "passed", () => "ended");
    const second = call(fetch, site.url);
    ending.abort();
    assertEquals(await first, "ended");
    time.now += 1000;
    assertEquals((await second).status, 200);
  });

  it("reaches a request under way, and a failure holds nobody up", async () => {
    let answer = (): void => {};
    const slow = new Promise<void>((resolve) => answer = resolve);
    const site = siteOf(async (request) => {
      if (request.url.endsWith("/slow")) await slow;
      return new Response("", { headers: { ratelimit: '"own";r=5;t=30' } });
    });
    const fetch = pacedFetch({ spread: false });
    await assertRejects(() => fetch(`${site.url}/slow`, { signal: AbortSignal.timeout(50) }));
    answer();
    assertEquals((await call(fetch, site.url)).status, 200);
    await assertRejects(() => pacedFetch()("http://127.0.0.1:1/"));
  });
});

describe("pacedFetch's retries", () => {
  /** Refuses the first request of each method, for 50 ms. */
  function refusingOnce(): Site {
    const refused = new Set<string>();
    return siteOf(async (request) => {
      const text = await request.text();
      if (refused.has(request.method)) return new Response(request.method === "HEAD" ? null : text);
      refused.add(request.method);
      return new Response("refused", { status: 429, headers: { "retry-after-ms": "50" } });
    });
  }

  const stream = () => new Blob(["streamed"]).stream();
  const table: [
    retry: PacedFetchOptions["retry"],
    method: string,
    body: (() => BodyInit) | null,
    tries: number,
  ][] = [
    [undefined, "GET", null, 2],
    [undefined, "head", null, 2],
    [undefined, "PUT", () => "text", 2],
    [undefined, "DELETE", null, 2],
    [undefined, "OPTIONS", null, 2],
    [undefined, "POST", () => "text", 1],
    [undefined, "PATCH", () => "text", 1],
    [undefined, "PUT", stream, 1],
    ["idempotent", "POST", () => "text", 1],
    ["all", "POST", () => "text", 2],
    ["all", "POST", () => new URLSearchParams({ a: "b" }), 2],
    ["all", "POST", () => new Blob(["text"]), 2],
    ["all", "POST", stream, 1],
    ["none", "GET", null, 1],
  ];
  for (const [retry, method, body, tries] of table) {
    const title = `${method}${body === stream ? " of a stream" : ""} with ${retry ?? "the default"}`;
    it(`${title}: ${tries === 1 ? "never sent twice" : "sent again when its time has come"}`, async () => {
      const site = refusingOnce();
      const fetch = pacedFetch(retry === undefined ? {} : { retry });
      const init = {
        method,
        body: body?.() ?? null,
        ...body === stream ? { duplex: "half" } : {},
      } as RequestInit;
      const { status } = await call(fetch, site.url, init);
      assertEquals([site.asked.length, status], [tries, tries === 2 ? 200 : 429]);
      if (tries === 2) assertGreaterOrEqual(site.asked[1].at - site.asked[0].at, 49);
    });
  }

  it("of a Request: without a body it is sent again, with one it is not", async () => {
    const site = refusingOnce();
    const fetch = pacedFetch({ retry: "all" });
    assertEquals((await fetch(new Request(site.url))).status, 200);
    assertEquals((await fetch(new Request(site.url, { method: "POST", body: "text" }))).status, 429);
    assertEquals(site.asked.map(({ method }) => method), ["GET", "GET", "POST"]);
  });

  it("go on until the bound, ever later, and give the last refusal back", async () => {
    const site = siteOf(() => new Response("refused", { status: 429 }));
    const fetch = pacedFetch({ maxWaitMs: 1000, random: () => 0, clock: () => 1e12 + awake.ms() });
    const { status, text } = await call(fetch, site.url);
    assertEquals([status, text, site.asked.length], [429, "refused", 3]);
    const [first, second, third] = site.asked.map(({ at }) => at);
    assertGreaterOrEqual(second - first, 190);
    assertGreaterOrEqual(third - second, 390);
  });

  it("come no earlier than their server says, and not all at the same time", async () => {
    const sites = Array.from({ length: 3 }, () => {
      let count = 0;
      return siteOf(() =>
        new Response("", count++ === 0 ? { status: 429, headers: { "retry-after": "1" } } : {})
      );
    });
    await Promise.all(sites.map(async (site, i) => {
      assertEquals((await call(pacedFetch({ random: () => i / 2 }), site.url)).status, 200);
      assertGreaterOrEqual(site.asked[1].at - site.asked[0].at, 1000 + i * 50 - 5);
    }));
  });
});

describe("a refusal whose body breaks off", () => {
  it("is sent again all the same: there is nothing left of it to cancel", async () => {
    let asked = 0;
    const breaking = createServer((socket) =>
      void socket.on("error", () => {}).on("data", () => {
        const refuses = ++asked % 2 === 1;
        const [status, length] = refuses ? ["429 Too Many Requests", 1000] : ["200 OK", 2];
        socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\nok`);
      })
    );
    await new Promise<void>((resolve) => breaking.listen(0, "127.0.0.1", resolve));
    const { port } = breaking.address() as AddressInfo;
    try {
      // Whether the runtime has seen the end by then is a matter of luck.
      for (let i = 0; i < 5; i++) {
        const response = await pacedFetch()(`http://127.0.0.1:${port}/`);
        assertEquals([response.status, await response.text()], [200, "ok"]);
      }
    } finally {
      breaking.close();
    }
  });
});

describe("pacedFetch's options", () => {
  const wrong: [options: unknown, sentence: string][] = [
    [{ maxWaitMs: -1 }, "Cannot make pacedFetch() as it takes no such maxWaitMs: current value is -1"],
    [{ maxWaitMs: NaN }, "Cannot make pacedFetch() as it takes no such maxWaitMs: current value is NaN"],
    [{ maxWaitMs: "5" }, "Cannot make pacedFetch() as it takes no such maxWaitMs: current value is 5"],
    [{ retry: "always" }, "Cannot make pacedFetch() as it takes no such retry: current value is always"],
    [{ retry: null }, "Cannot make pacedFetch() as it takes no such retry: current value is null"],
    [{ spread: 1 }, "Cannot make pacedFetch() as it takes no such spread: current value is 1"],
    [{ fetch: {} }, "Cannot make pacedFetch() as it takes no such fetch: current value is [object Object]"],
    [{ maxWait: 5 }, "Cannot make pacedFetch() as it takes no such maxWait: current value is 5"],
    [
      { spread: Symbol("no") },
      "Cannot make pacedFetch() as it takes no such spread: current value is Symbol(no)",
    ],
    [
      { maxWaitMs: Symbol("no") },
      "Cannot make pacedFetch() as it takes no such maxWaitMs: current value is Symbol(no)",
    ],
    [Symbol("no"), "Cannot make pacedFetch() as it takes no such options: current value is Symbol(no)"],
    [null, "Cannot make pacedFetch() as it takes no such options: current value is null"],
    [60_000, "Cannot make pacedFetch() as it takes no such options: current value is 60000"],
    ["all", "Cannot make pacedFetch() as it takes no such options: current value is all"],
  ];
  for (const [options, sentence] of wrong) {
    it(`is refused: "${sentence.slice(sentence.indexOf("no such"))}"`, () => {
      assertThrows(() => pacedFetch(options as PacedFetchOptions), TypeError, sentence);
    });
  }

  it("that are undefined have their defaults; without an address nothing is sent", async () => {
    const given = {
      fetch: undefined,
      maxWaitMs: undefined,
      spread: undefined,
      retry: undefined,
      clock: undefined,
    };
    const fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response> = pacedFetch(
      given as object,
    );
    const site = siteOf(() => new Response("hello"));
    assertEquals(await (await fetch(new URL(site.url))).text(), "hello");
    await assertRejects(() => fetch("/no/origin"), TypeError);
    assertEquals((await pacedFetch({ maxWaitMs: Infinity })(site.url)).status, 200);
  });
});
