/** A caller's own limits. */
import { assert, assertEquals, assertFalse, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import {
  byHeader,
  byIp,
  byUser,
  type CallerLimit,
  compose,
  concurrency,
  gcra,
  limitsHandler,
  memoryStore,
  type Throttle,
} from "../../mod.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { seriousFindings, startChromium, watchedPage, withoutChromium } from "../harness/browser.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { serve } from "../harness/serve.ts";
import { describeOnStores } from "../harness/store_table.ts";
import { client, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";

const iso = (ms: number) => new Date(START + ms).toISOString();

/** The limits of a caller. */
async function limitsOf(
  throttle: Throttle,
  init: Parameters<typeof requestTo>[1] = {},
): Promise<CallerLimit[]> {
  const response = await limitsHandler(throttle)(requestTo("/limits", init));
  assertEquals(response.headers.get("content-type"), "application/json");
  return (await response.json()).limits;
}

describe("limitsHandler", () => {
  it("shows the limits whose key the caller has, whatever they are on, and how much is used of each", async () => {
    const { throttle, send, clock } = throttled([
      { name: "api", rate: "10/min", on: "/api/*" },
      { name: "login", rate: "2/hour", on: "POST /login", block: { after: 1, window: "1h", for: "2h" } },
      { name: "mail", rate: "5/day", on: [], key: byHeader("x-tenant") },
      { name: "burst", rate: "100/min", algorithm: gcra({ burst: 5 }) },
      { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: "10min" }), on: [] },
      { name: "free", rate: null },
      { name: "trial", rate: "1/min", mode: "shadow" },
      { name: "plan", rate: ({ request }) => request.headers.has("x-tenant") ? "7/min" : "3/min" },
      {
        name: "upload",
        rate: "1000/min",
        cost: ({ request }) => Number(request.headers.get("content-length")),
      },
    ]);
    await send("/api/things");
    await throttle.spend("mail", "acme", 2);
    clock.now += 1000;
    for (let i = 0; i < 3; i++) await send("POST /login");
    const limits = await limitsOf(throttle, { headers: { "x-tenant": "acme" } });
    const by = Object.fromEntries(limits.map(({ rule, ...rest }) => [rule, rest]));
    assertEquals(Object.keys(by), ["api", "login", "mail", "burst", "slots", "plan", "upload"]);
    assertEquals(by.api, {
      ...{ limit: 10, windowMs: 60_000, used: 1, remaining: 9 },
      ...{ resetsAt: iso(60_000), blockedUntil: null },
    });
    assertEquals(by.login, {
      ...{ limit: 2, windowMs: 3_600_000, used: 2, remaining: 0 },
      ...{ resetsAt: iso(1000 + 7_200_000), blockedUntil: iso(1000 + 7_200_000) },
    });
    assertEquals([by.mail.used, by.mail.remaining, by.mail.resetsAt], [2, 3, iso(86_400_000)]);
    assertEquals([by.slots.windowMs, by.slots.used, by.slots.resetsAt], [600_000, 0, null]);
    assertEquals([by.plan.limit, by.upload.used], [7, 0]);
    // Never more than the burst can be used. The first of three units has drained.
    assertEquals([by.burst.limit, by.burst.used, by.burst.remaining], [100, 2, 3]);
  });

  it("leaves out a rule whose key the caller has not, and other callers' use", async () => {
    const { throttle, send } = throttled([
      { name: "ip", rate: "10/min" },
      { name: "tenant", rate: "10/min", key: byHeader("x-tenant") },
      { name: "both", rate: "10/min", key: compose(byIp(), byHeader("x-tenant")) },
      { name: "denied", rate: "10/min", key: byIp({ onMissing: "deny" }) },
      { name: "exempt", rate: "10/min", unless: () => true },
    ]);
    await send("/", { from: "203.0.113.9" });
    const limits = await limitsOf(throttle);
    assertEquals(limits.map(({ rule, used }) => [rule, used]), [["ip", 0], ["denied", 0]]);
    const { throttle: nowhere } = throttled([
      { name: "denied", rate: "10/min", key: byIp({ onMissing: "deny" }) },
      { name: "skipped", rate: "10/min", key: byIp({ onMissing: "skip" }) },
      { name: "closed", rate: "0/min", key: byHeader("x-tenant") },
    ], { client: { address: () => null } });
    assertEquals(await limitsOf(nowhere), []);
  });

  it("shows a limit of 0 beside the others", async () => {
    const { throttle } = throttled([{ name: "closed", rate: "0/min" }, { name: "open", rate: "1/min" }]);
    assertEquals(
      (await limitsOf(throttle)).map(({ rule, limit, used, remaining }) => [rule, limit, used, remaining]),
      [
        ["closed", 0, 0, 0],
        ["open", 1, 0, 1],
      ],
    );
  });

  it("spends nothing, and tells nobody", async () => {
    const { throttle, events } = throttled({ name: "ip", rate: "2/min", cost: 2 });
    for (let i = 0; i < 5; i++) assertEquals((await limitsOf(throttle))[0].used, 0);
    assertEquals(events, []);
  });

  it("knows the caller as the throttle does: by authentication, whose refusal it sends", async () => {
    const { throttle, send } = throttled([
      { name: "ip", rate: "9/min" },
      { name: "user", rate: "5/min", key: byUser() },
    ], {
      authenticate({ request }) {
        const user = request.headers.get("authorization");
        if (user === "expired") return new Response("who are you?", { status: 401 });
        return user === null ? null : { id: user };
      },
    });
    const as = (authorization: string) => ({ headers: { authorization } });
    await send("/", as("ann"));
    assertEquals((await limitsOf(throttle, as("ann"))).map(({ rule, used }) => [rule, used]), [["ip", 1], [
      "user",
      1,
    ]]);
    assertEquals((await limitsOf(throttle, as("bob")))[1].used, 0);
    assertEquals((await limitsOf(throttle)).map(({ rule }) => rule), ["ip"]);
    const refused = await limitsHandler(throttle)(requestTo("/limits", as("expired")));
    assertEquals([refused.status, await refused.text()], [401, "who are you?"]);
  });

  it("may be inside the throttle whose limits it shows, and finds the server's arguments there", async () => {
    const { throttle } = throttled("3/min", { client: { address: (_request, ip) => ip as string } });
    const limits = limitsHandler(throttle);
    const handle = throttle.wrap((request: Request, _ip: string) => limits(request));
    await handle(requestTo("/"), SOMEBODY);
    const response = await handle(requestTo("/"), SOMEBODY);
    assertEquals((await response.json()).limits[0].used, 2);
    assertEquals(response.headers.get("x-ratelimit-remaining"), "1");
  });

  it("is never stored, and answers HEAD without a body and other methods with 405", async () => {
    const limits = limitsHandler(throttled("3/min").throttle);
    for (const method of ["GET", "HEAD"]) {
      const response = await limits(requestTo("/", { method }));
      assertEquals(response.headers.get("cache-control"), "private, no-store");
      assertEquals(response.headers.get("vary"), "accept");
      assertEquals((await response.text()) === "", method === "HEAD");
    }
    const post = await limits(requestTo("POST /"));
    assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  });

  const PAGE = "text/html; charset=utf-8";
  const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
  for (
    const [accept, isPage] of [
      [null, false],
      ["*/*", false],
      ["application/json", false],
      ["application/json, text/html;q=0.9", false],
      ["text/html;q=0, */*", false],
      ["text/plain", false],
      [BROWSER, true],
      ["TEXT/HTML", true],
      ["application/json;q=0.5, text/html ; q=0.6", true],
    ] as const
  ) {
    it(`answers Accept: ${accept} with ${isPage ? "a page" : "JSON"}`, async () => {
      const headers: Record<string, string> = accept === null ? {} : { accept };
      const response = await limitsHandler(throttled("3/min").throttle)(requestTo("/", { headers }));
      assertEquals(response.headers.get("content-type"), isPage ? PAGE : "application/json");
    });
  }

  it("throws the error of a rule's function, and refuses what is no throttle or no request", async () => {
    const { throttle } = throttled("3/min", {
      client: {
        address() {
          throw new RangeError("mine");
        },
      },
    });
    await assertRejects(async () => await limitsHandler(throttle)(requestTo("/")), RangeError, "mine");
    assertThrows(() => limitsHandler({} as Throttle), TypeError, "createThrottle made");
    assertThrows(() => limitsHandler(throttle)({} as Request), TypeError, "must be a Request");
  });

  it("shows in a page what a person understands", async () => {
    const { throttle, send, clock } = throttled([
      { name: "api", rate: "10/15min" },
      { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: "10min" }), on: [] },
      { name: "tokens", rate: "1000/hour", on: [], cost: 5 },
      { name: "login", rate: "1/min", on: "/login", block: { after: 1, window: "1h", for: "2h" } },
    ]);
    for (let i = 0; i < 2; i++) await send("/login");
    clock.now += 60_000;
    const response = await limitsHandler(throttle)(requestTo("/", { headers: { accept: BROWSER } }));
    const page = await response.text();
    assertMatch(page, /api<span>10 requests per 15 minutes<\/span>.+in 14 minutes/);
    assertMatch(page, /slots<span>3 requests at a time<\/span>.+unused/);
    assertMatch(page, /tokens<span>1000 units per hour<\/span>/);
    assertMatch(page, /login<span>1 request per minute<\/span>.+blocked for 119 minutes/);
    assertFalse(/https?:|<script/.test(page));
    const { throttle: none } = throttled({ name: "t", rate: "1/min", mode: "shadow" });
    const empty = await limitsHandler(none)(requestTo("/", { headers: { accept: BROWSER } }));
    assertMatch(await empty.text(), /Nothing limits you here/);
  });

  it("says in a page that limits cannot be shown, where they have no numbers, rather than that there are none", async () => {
    const store = faultyStore(memoryStore());
    const { throttle } = throttled([
      { name: "allowing", rate: "10/min", onStoreFailure: "allow" },
      { name: "local", rate: "5/min", on: [], key: byHeader("x-tenant") },
      { name: "uncounted", rate: ({ request }) => request.headers.has("x-plan") ? null : "never" },
    ], { store });
    const pageOf = async (headers: Record<string, string>) => {
      const request = requestTo("/", { headers: { accept: BROWSER, ...headers } });
      return await (await limitsHandler(throttle)(request)).text();
    };
    assertMatch(await pageOf({}), /allowing<span>[^]+cannot be shown/);
    assertFalse((await pageOf({ "x-plan": "a" })).includes("cannot be shown"));
    store.fault = "reject";
    const page = await pageOf({ "x-plan": "a" });
    assertMatch(page, /<p>Some limits cannot be shown for now\.<\/p>/);
    assertFalse(page.includes("Nothing limits you here"));
    assertMatch(await pageOf({ "x-plan": "a", "x-tenant": "t" }), /local<span>[^]+cannot be shown/);
    assertEquals(await limitsOf(throttle, { headers: { "x-plan": "a" } }), []);
  });
});

describeOnStores("limitsHandler", ({ open, roundTrips }) => {
  it("asks the store once for all limits", async () => {
    const { throttle, send } = throttled(
      Array.from({ length: 5 }, (_, i) => ({ name: `rule-${i}`, rate: `${i + 1}/day` })),
      { store: open("limits") },
    );
    await send();
    const before = roundTrips();
    const limits = await limitsOf(throttle);
    if (before !== null) assertEquals(roundTrips(), before + 1);
    assertEquals(limits.map(({ used, remaining }) => [used, remaining]), [[1, 0], [1, 1], [1, 2], [1, 3], [
      1,
      4,
    ]]);
  });
});

describeOnNode("the page of a caller's limits, in a browser", { skip: withoutChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startChromium();
  });
  after(async () => await browser?.close());

  for (const colorScheme of ["light", "dark"] as const) {
    it(`is accessible, makes no other request and fits a phone: ${colorScheme}`, async () => {
      const { throttle } = throttled([
        { name: "api", rate: "10/15min" },
        { name: `${"a-long-name-".repeat(5)}abcd`, rate: "1000/day" },
      ], { client, store: memoryStore() });
      await throttle.check(requestTo("/"));
      const limits = limitsHandler(throttle);
      const { url, close } = await serve((request) => limits(request) as Response);
      try {
        const { page, mishaps, requests, watch } = await watchedPage(browser, {
          colorScheme,
          viewport: { width: 320, height: 640 },
        });
        watch(url);
        await page.goto(`${url}/limits`);
        assertEquals(await page.title(), "Your limits");
        assertEquals(await page.locator("tbody tr").count(), 2);
        assertEquals(await seriousFindings(page), []);
        const [background, wide] = await page.evaluate(
          "[getComputedStyle(document.documentElement).colorScheme, document.documentElement.scrollWidth]",
        ) as [string, number];
        assertEquals(background, "light dark");
        assert(wide <= 320, `${wide} px wide`);
        assertEquals(mishaps.filter((text) => !text.includes("favicon")), []);
        assertEquals(requests.filter((address) => !address.endsWith("/favicon.ico")).length, 1);
      } finally {
        await close();
      }
    });
  }
});
