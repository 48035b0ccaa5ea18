/** The dashboard's answers, as any client gets them; dashboard_browser_test.ts has what a browser makes of them. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { describe, it } from "node:test";
import parsePrometheus from "parse-prometheus-text-format";
import {
  byGlobal,
  byHeader,
  createThrottle,
  gcra,
  memoryStore,
  type Rule,
  type Stats,
  stats,
  type Throttle,
} from "../../mod.ts";
import { dashboard, type DashboardApp, type DashboardOptions } from "../../src/dashboard/mod.ts";
import { brief, percent, span } from "../../src/dashboard/number_text.ts";
import { faultyStore } from "../../src/testing/faulty_store.ts";
import { get } from "../harness/http.ts";
import { serve } from "../harness/serve.ts";
import { requestTo, START, throttled } from "../harness/throttled.ts";

const MOUNT = "/admin/throttle";
const PAGES = ["/", "/rules", "/routes", "/clients", "/lookup"];
const FILES = ["/stats", "/metrics", "/style.css", "/live.js"];

/** A throttle with a dashboard, some requests behind it. */
async function seen(
  rules: Rule | readonly Rule[] = { name: "all", rate: "2/min" },
  options: Partial<DashboardOptions> = {},
) {
  const statistics = stats({ showAddresses: true, revealKeys: true, clock: () => START });
  const site = throttled(rules, { observers: [statistics] });
  await site.statuses(3);
  const given = { throttle: site.throttle, stats: statistics, authorize: () => true, ...options };
  const app = dashboard<DashboardApp>(given);
  return { ...site, statistics, app, mounted: new Hono().route(MOUNT, dashboard(given)) };
}

const same = { "sec-fetch-site": "same-origin" };
const form = (fields: Record<string, string>, headers: Record<string, string> = same): RequestInit => (
  { method: "POST", body: new URLSearchParams(fields), headers }
);
const text = async (response: Response | Promise<Response>) => await (await response).text();

/** The texts between markers, entities decoded as far as the pages use them. */
function visible(html: string): string {
  return html.replace(/<(script|style)[\s\S]*?<\/\1>/g, "").replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

describe("dashboard()", () => {
  it("throws without a throttle, without statistics, and without somebody to say who may see it", () => {
    const throttle = createThrottle("1/min");
    const whole = { throttle, stats: stats(), authorize: () => true };
    const wrong:
      readonly (readonly [Partial<Record<keyof DashboardOptions, unknown>> | undefined, RegExp])[] = [
        [
          { ...whole, authorize: undefined },
          /^Cannot make dashboard\(\) as authorize must be a function that says who may see it: current value is undefined$/,
        ],
        [{ ...whole, authorize: true }, /authorize must be .*current value is true$/],
        [{ ...whole, throttle: undefined }, /throttle must be a throttle: current value is undefined$/],
        [{ ...whole, stats: {} }, /stats must be what stats\(\) gives/],
        [undefined, /its options must be an object: current value is undefined$/],
      ];
    for (const [options, message] of wrong) {
      assertMatch(assertThrows(() => dashboard(options as DashboardOptions), TypeError).message, message);
    }
  });

  it("goes, for the compiler, where a Hono app is wanted, and where a fetch handler is", async () => {
    const options: DashboardOptions = {
      throttle: createThrottle("1/min"),
      stats: stats(),
      authorize: () => true,
    };
    const parent: Hono = new Hono().route("/throttle", dashboard(options));
    const handler: { fetch(request: Request): Response | Promise<Response> } = dashboard(options);
    const known = dashboard<DashboardApp>(options);
    // @ts-expect-error -- what is seen as DashboardApp has its two methods, and is not any
    void known.nothing;
    assertEquals((await parent.request("/throttle/stats")).status, 200);
    assertEquals((await handler.fetch(new Request("https://ops.example/stats"))).status, 200);
  });

  it("answers pages, files and nothing else, mounted and by itself", async () => {
    const { app, mounted } = await seen();
    const types: Record<string, RegExp> = {
      "/stats": /^application\/json/,
      "/metrics": /^text\/plain; version=0\.0\.4/,
      "/style.css": /^text\/css/,
      "/live.js": /^text\/javascript/,
    };
    for (const path of [...PAGES, ...FILES]) {
      for (
        const response of [await app.request(path), await mounted.request(MOUNT + (path === "/" ? "" : path))]
      ) {
        assertEquals(response.status, 200, path);
        assertMatch(response.headers.get("content-type")!, types[path] ?? /^text\/html; charset=utf-8$/i);
        assert((await response.text()).length > 0, path);
      }
    }
    for (const path of ["/nothing", "/reset", "/stats/more", "/__proto__"]) {
      assertEquals((await app.request(path)).status, 404, path);
    }
    for (const path of PAGES) assertEquals((await app.request(path, { method: "POST" })).status, 404, path);
  });

  it("is found with a slash at the end of its paths, too, and leads nobody elsewhere", async () => {
    const { app, mounted } = await seen();
    const places: readonly (readonly [DashboardApp, path: string, to: string])[] = [
      [mounted, `${MOUNT}/`, MOUNT],
      [mounted, `${MOUNT}/rules/`, `${MOUNT}/rules`],
      [app, "/rules/", "/rules"],
      [app, "/evil.example/", "/evil.example"],
    ];
    for (const [at, path, to] of places) {
      const response = await at.request(`https://ops.example${path}`);
      assertEquals(response.status, 308, path);
      assertEquals(
        new URL(response.headers.get("location")!, `https://ops.example${path}`).href,
        `https://ops.example${to}`,
      );
    }
    const twice = await app.fetch(new Request("https://ops.example//evil.example/"));
    const location = new URL(twice.headers.get("location") ?? "", "https://ops.example//evil.example/");
    assertEquals(location.origin, "https://ops.example");
  });

  it("links relatively, so that it works below any path, a proxy's too", async () => {
    const { app, mounted } = await seen();
    const cases: readonly (readonly [DashboardApp, asked: string, seenAs: string, root: string])[] = [
      [mounted, MOUNT, MOUNT, `${MOUNT}/`],
      [mounted, `${MOUNT}/rules`, `${MOUNT}/rules`, `${MOUNT}/`],
      [mounted, `${MOUNT}/lookup?rule=all&key=x`, `${MOUNT}/lookup`, `${MOUNT}/`],
      [app, "/", "/", "/"],
      [app, "/clients", "/clients", "/"],
      [app, "/", "/behind/a/proxy/", "/behind/a/proxy/"],
      [app, "/routes", "/behind/a/proxy/routes", "/behind/a/proxy/"],
    ];
    for (const [at, asked, seenAs, root] of cases) {
      const html = await text(at.request(asked));
      const targets = [...html.matchAll(/ (?:href|src|action)="([^"#?]*)/g)].map(([, target]) => target);
      const paths = targets.filter((target) => target !== "" && !target.startsWith("data:"))
        .map((target) => new URL(target, `https://ops.example${seenAs}`).pathname);
      const expected = ["style.css", "", "rules", "routes", "clients", "lookup"].map((name) => root + name);
      assertEquals([...new Set(paths)].filter((path) => !/(reset|live\.js)$/.test(path)), expected, asked);
    }
  });

  it("works below a path with parameters, whatever stands in their place", async () => {
    const { throttle, statistics } = await seen();
    const app = new Hono().route(
      "/of/:team",
      dashboard({ throttle, stats: statistics, authorize: () => true }),
    );
    for (const team of [`"><script>`, "a:b", "'&amp;", "tä", "%"]) {
      const path = `/of/${encodeURIComponent(team)}`;
      const response = await app.request(path);
      assertEquals(response.status, 200, team);
      const html = await response.text();
      assertFalse(html.includes(`"><script>`));
      const [, link] = /href="([^"]*)rules"/.exec(html)!;
      assertEquals(
        new URL(visible(link), `https://ops.example${path}`).pathname,
        new URL(`${path}/`, "https://ops.example").pathname,
      );
    }
  });

  it("answers HEAD with the fields of GET and no content", async () => {
    const { app } = await seen();
    for (const path of [...PAGES, ...FILES]) {
      const [head, whole] = [await app.request(path, { method: "HEAD" }), await app.request(path)];
      assertEquals([head.status, await head.text()], [200, ""], path);
      assertEquals(head.headers.get("content-type"), whole.headers.get("content-type"));
      assertEquals(head.headers.get("content-security-policy"), whole.headers.get("content-security-policy"));
    }
  });
});

describe("access to the dashboard", () => {
  it("is asked for everything, and false, or anything but true, answers 403 with nothing in it", async () => {
    for (const answer of [false, undefined, null, 1, "yes", {}] as unknown as boolean[]) {
      for (const authorize of [() => answer, () => Promise.resolve(answer)]) {
        const { app, throttle } = await seen(undefined, { authorize });
        for (const path of [...PAGES, ...FILES, "/nothing", "/rules/", "/lookup?rule=all&key=192.0.2.1"]) {
          const response = await app.request(path);
          assertEquals([response.status, await response.text()], [403, "You may not see this."], path);
        }
        const response = await app.request("/reset", form({ rule: "all", key: "192.0.2.1" }));
        assertEquals(response.status, 403);
        assertEquals((await throttle.usage("all", "192.0.2.1")).remaining, 0);
      }
    }
  });

  it("is asked with the request itself, and once for each", async () => {
    const asked: string[] = [];
    const authorize = (request: Request) => {
      asked.push(
        `${request.method} ${new URL(request.url).pathname} ${request.headers.get("authorization")}`,
      );
      return request.headers.get("authorization") === "Bearer ops";
    };
    const { mounted } = await seen(undefined, { authorize });
    assertEquals((await mounted.request(`${MOUNT}/rules`)).status, 403);
    assertEquals(
      (await mounted.request(`${MOUNT}/rules`, { headers: { authorization: "Bearer ops" } })).status,
      200,
    );
    assertEquals(asked, [`GET ${MOUNT}/rules null`, `GET ${MOUNT}/rules Bearer ops`]);
  });

  it("lets nobody in when it throws: 500, or what an HTTPException says", async () => {
    const challenge = new Response("who?", { status: 401, headers: { "www-authenticate": "Basic" } });
    const cases: readonly (readonly [() => unknown, number, string])[] = [
      [() => new HTTPException(401, { res: challenge.clone() }), 401, "who?"],
      [() => new Error("the directory is away"), 500, "Internal Server Error"],
    ];
    const { error } = console;
    console.error = () => {};
    try {
      for (const [thrown, status, body] of cases) {
        for (
          const authorize of [() => {
            throw thrown();
          }, () => Promise.reject(thrown())]
        ) {
          const { app, mounted } = await seen(undefined, { authorize });
          for (const response of [await app.request("/rules"), await mounted.request(`${MOUNT}/rules`)]) {
            assertEquals([response.status, await response.text()], [status, body]);
            assertMatch(response.headers.get("content-security-policy")!, /default-src 'none'/);
          }
        }
      }
    } finally {
      console.error = error;
    }
  });
});

describe("pages that the dashboard sends to browsers", () => {
  it("has a strict policy on every answer, refusals included, and is stored nowhere", async () => {
    const { app } = await seen();
    const { app: closed } = await seen(undefined, { authorize: () => false });
    const answers = [
      ...await Promise.all([...PAGES, ...FILES, "/nothing", "/rules/"].map((path) => app.request(path))),
      await app.request("/reset", form({ rule: "all", key: "x" })),
      await app.request("/reset", form({ rule: "all", key: "x" }, {})),
      await closed.request("/"),
    ];
    for (const { headers } of answers) {
      const policy = headers.get("content-security-policy")!.split("; ");
      assertEquals(policy.sort(), [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "script-src 'self'",
        "style-src 'self'",
      ]);
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      assertEquals(headers.get("referrer-policy"), "same-origin");
      assertEquals(headers.get("cache-control"), "no-store");
    }
  });

  it("has no script and no style within the page, and nothing of another site", async () => {
    const { app } = await seen([
      { name: "all", rate: "2/min" },
      { name: "trial", rate: "1/min", mode: "shadow" },
      { name: "everybody", rate: "9/min", key: byGlobal() },
    ]);
    for (const path of [...PAGES, "/lookup?rule=all&key=192.0.2.1", "/lookup?rule=none&key="]) {
      const html = await text(app.request(path));
      assertMatch(html, /^<!doctype html><html lang="en">/);
      assertFalse(/ (?:style|on\w+)=/.test(html), path);
      assertFalse(/<style|<script(?! src="[^"]+" defer="[^"]*"><\/script>)/.test(html), path);
      assertFalse(/https?:\/\//.test(html.replace('xmlns="http://www.w3.org/2000/svg"', "")), path);
    }
  });

  it("shows markup in rules, routes, clients, keys and errors as the text that it is", async () => {
    const hostile = `"><img src=x onerror=alert(1)>'<script>alert(2)</script>&amp;`;
    const { app, statistics, throttle, send } = await seen({
      name: "all",
      rate: "1/min",
      key: byHeader("x-key"),
      on: `/${hostile.replaceAll("/", "|")}/*`,
    });
    const path = `/${encodeURIComponent(hostile.replaceAll("/", "|"))}/${encodeURIComponent(hostile)}`;
    for (let i = 0; i < 2; i++) await send(requestTo(path, { headers: { "x-key": hostile } }));
    const decision = { ...await throttle.usage("all", hostile), rule: hostile };
    const event = { at: START, method: hostile, route: hostile, key: hostile };
    statistics({ ...event, type: "denied", decisions: [decision] });
    statistics({ ...event, type: "store", state: "failing", error: new Error(hostile), decisions: [] });
    const queries = [hostile, "all"].map((rule) => new URLSearchParams({ rule, key: hostile }));
    for (const path of [...PAGES.slice(0, 4), ...queries.map((query) => `/lookup?${query}`)]) {
      const html = await text(app.request(path));
      assertStringIncludes(visible(html), hostile, path);
      assertFalse(/<img|<script>|alert\(2\)<\/script/.test(html), path);
    }
    const answer = await app.request("/reset", form({ rule: hostile, key: hostile }));
    assertEquals(answer.status, 404);
    assertFalse(/<img|<script>/.test(await answer.text()));
  });
});

describe("the dashboard's pages", () => {
  it("tell the numbers of the statistics", async () => {
    const { app, statuses } = await seen([
      { name: "all", rate: "10/min" },
      { name: "login", rate: "5/15min", on: "POST /login" },
      { name: "trial", rate: "1/min", on: "/api/*", mode: "shadow" },
      { name: "plan", rate: () => "50/min", on: "/api/*" },
      { name: "everybody", rate: "100/hour", key: byGlobal() },
    ]);
    await statuses(7, "POST /login", { from: "198.51.100.1" });
    await statuses(2, "/api/items", { from: "198.51.100.2" });
    const page = async (path: string) =>
      visible(await text(app.request(path)).then((html) => html.replace(/></g, "> <"))).replace(/\s+/g, " ");

    const overview = await page("/");
    for (
      const part of [
        "Requests 12 this hour",
        "Refused 2 this hour: 16.7 %",
        "Clients 3 this hour",
        "Would refuse 1 ",
        "Working.",
        "This instance, as of 2027-01-15 08:00:00 UTC",
      ]
    ) {
      assertStringIncludes(overview, part);
    }
    const rules = await page("/rules");
    for (
      const part of [
        "login live Limit 5 in 15 min For each address On POST /login Algorithm fixed-window",
        "trial shadow Limit 1 in 1 min",
        "Limit decided per request, last 50 in 1 min",
        "everybody live Limit 100 in 1 h For each all clients together On every request",
        "Used now 10 of 100",
        "Would refuse 1 50.0 %",
        "Shadow against live",
      ]
    ) assertStringIncludes(rules, part);
    assertMatch(await page("/routes"), /Refused most.* \/login 2 By route.* \/login 7 2 28\.6 % 0 /);
    assertMatch(await page("/clients"), /Refused most, last 24 hours Client Refused 198\.51\.100\.1 2 /);
    assertMatch(
      await page("/clients"),
      /Keys refused most, last 24 hours Key and rule Refused 198\.51\.100\.1 under login 2 /,
    );
    assertStringIncludes(
      await text(app.request("/clients")),
      'href="./lookup?rule=login&amp;key=198.51.100.1"',
    );
  });

  it("show a rule beside its trial, and whom only the trial would refuse", async () => {
    const { app, statuses } = await seen([
      { name: "all", rate: "5/min", trial: { rate: "3/min", algorithm: gcra(), key: byGlobal() } },
    ]);
    await statuses(6, "/items", { from: "198.51.100.1" });
    const html = await text(app.request("/rules"));
    const rules = visible(html.replace(/></g, "> <")).replace(/\s+/g, " ");
    for (
      const part of [
        "Trial: 3 in 1 min, for each all clients together, gcra trial",
        "9 requests that no other rule refused",
        "Only the trial refuses 5 55.6 % Both refuse 1 11.1 % Only the rule refuses 0 0 % Neither refuses 3 33.3 %",
        "Clients that only a trial would refuse, last 24 hours Client and rule Requests 198.51.100.1 under all 5",
        "Routes that only a trial would refuse, last 24 hours Route and rule Requests * under all 5",
      ]
    ) assertStringIncludes(rules, part);
    assertFalse(rules.includes("all+trial"));
    assertFalse(rules.includes("Shadow against live"));
    assertStringIncludes(await text(app.request("/lookup")), "all+trial");
  });

  it("say which rules are counted together, where there are more than the statistics name", async () => {
    const { app } = await seen(Array.from({ length: 130 }, (_, i) => ({ name: `r${i}`, rate: "2/min" })));
    const rules = visible((await text(app.request("/rules"))).replace(/></g, "> <")).replace(/\s+/g, " ");
    assertMatch(rules, /r99 live .{0,150} 3 requests in 24 hours Passed 1 33\.3 % /);
    assertMatch(rules, /r100 live .{0,150} It has no numbers of its own\. Look up a key of rule r100/);
    assertStringIncludes(
      rules,
      "All others together decided 90 times in 24 hours: 30 refusals, and 0 in shadow mode.",
    );
    assertFalse(rules.includes("(other)"));
    assertFalse(rules.includes("Rules of other throttles"));
  });

  it("say so where there is nothing yet", async () => {
    const options = { throttle: createThrottle("1/min"), stats: stats(), authorize: () => true };
    const app = dashboard<DashboardApp>(options);
    assertStringIncludes(await text(app.request("/clients")), "Nobody was refused in the last 24 hours.");
    assertStringIncludes(await text(app.request("/routes")), "Nothing was refused in the last 24 hours.");
    assertStringIncludes(await text(app.request("/")), "Working.");
    assertFalse((await text(app.request("/rules"))).includes("Shadow against live"));
  });

  it("show a failing store, with what is wrong and since when, and go on working", async () => {
    const store = faultyStore(memoryStore());
    const { app, statistics } = await seen();
    const failing = createThrottle({ name: "all", rate: "2/min", key: byGlobal() }, {
      store,
      observers: [statistics],
    });
    const ops = dashboard<DashboardApp>({ throttle: failing, stats: statistics, authorize: () => true });
    assertFalse((await text(app.request("/"))).includes("is failing"));
    store.fault = "reject";
    for (let i = 0; i < 10; i++) await failing.check(requestTo());
    const html = visible(await text(ops.request("/")));
    assertMatch(
      html,
      /The throttle's store is failing\..*Failing: the failure policy decides\..*began to fail once.*The store fails on demand/s,
    );
    assertEquals((await ops.request("/rules")).status, 200);
    assertStringIncludes(
      await text(ops.request("/lookup?rule=all&key=all")),
      "this instance alone: the store fails",
    );
    const answer = await ops.request("/reset", form({ rule: "all", key: "all" }));
    assertEquals(answer.status, 503);
    assertStringIncludes(await answer.text(), "Cannot reset this key as the store failed");
  });
});

describe("a look-up", () => {
  it("tells what a key has used, why it is refused and when that ends", async () => {
    const { app, clock, statuses } = await seen([
      { name: "all", rate: "3/min" },
      { name: "costly", rate: "3/min", cost: 5, on: "/costly" },
      { name: "login", rate: "1/min", on: "/login", block: { after: 2, window: 60, for: "1h" } },
      { name: "trial", rate: "1/min", on: "/api/*", mode: "shadow" },
    ]);
    const said = async (rule: string, key = "192.0.2.1") =>
      visible(await text(app.request(`/lookup?${new URLSearchParams({ rule, key })}`)));
    assertStringIncludes(
      await said("all"),
      "Refused: it costs 1, and of 3 there are 0 left. It passes again in 1 min.",
    );
    clock.now += 59_001;
    assertStringIncludes(await said("all"), "It passes again in 999 ms.");
    clock.now += 999;
    assertStringIncludes(await said("all"), "One more request passes.");
    assertStringIncludes(await said("costly"), "Refused always: it costs 5 of a limit of 3.");
    await statuses(4, "/login", { from: "192.0.2.9" });
    assertStringIncludes(
      await said("login", "192.0.2.9"),
      "Refused: blocked for 1 h more, as it was refused too often.",
    );
    await statuses(2, "/api/x", { from: "192.0.2.8" });
    assertStringIncludes(await said("trial", "192.0.2.8"), "A live rule would refuse it: it costs 1");
    assertStringIncludes(await said("all", "nobody"), "One more request passes.");
    assertStringIncludes(await said("all", ""), "The empty key under all");
  });

  it("tells units in use where the burst is below the limit", async () => {
    const { app, statuses } = await seen([
      { name: "ip", rate: "100/min", algorithm: gcra({ burst: 5 }) },
      { name: "all", rate: "60/min", key: byGlobal(), algorithm: gcra({ burst: 6 }) },
    ]);
    await statuses(2, "/", { from: "192.0.2.9" });
    const said = async (path: string) => visible(await text(app.request(path)));
    assertMatch(await said("/lookup?rule=ip&key=192.0.2.9"), /Used\s*2 of 100/);
    assertMatch(await said("/lookup?rule=ip&key=192.0.2.8"), /Used\s*0 of 100/);
    assertMatch(await said("/rules"), /Used now\s*5 of 60/);
  });

  it("takes keys literally, and fills the form in from a link that names the rule or the key alone", async () => {
    const { app, send } = await seen({ name: "all", rate: "5/min", key: byHeader("x-key") });
    for (const key of ["a+b c", "100%", "*", "[a-z]?", "ключ"]) {
      await send(requestTo("/", { headers: { "x-key": /^[\x20-\xff]*$/.test(key) ? key : "-" } }));
      const html = visible(await text(app.request(`/lookup?${new URLSearchParams({ rule: "all", key })}`)));
      assertStringIncludes(html, /^[\x20-\xff]*$/.test(key) ? "1 of 5" : "0 of 5", key);
      assertStringIncludes(html, `${key} under all`);
    }
    const byKey = await app.request("/lookup?key=203.0.113.9");
    assertEquals(byKey.status, 200);
    assertMatch(await byKey.text(), /<input id="key"[^>]* value="203\.0\.113\.9"/);
    assertMatch(await text(app.request("/lookup?rule=all")), /<option value="all" selected/);
  });

  it("answers 404 for a rule that is not there, 422 for one whose rate is decided per request", async () => {
    const { app } = await seen([{ name: "all", rate: "2/min" }, { name: "plan", rate: () => "9/min" }, {
      name: "free",
      rate: null,
    }]);
    for (
      const [rule, status, words] of [
        ["nothing", 404, "There is no such rule."],
        ["__proto__", 404, "There is no such rule."],
        ["plan", 422, "the use of a key depends on its requests"],
        ["free", 422, "the use of a key depends on its requests"],
      ] as const
    ) {
      const response = await app.request(`/lookup?rule=${rule}&key=192.0.2.1`);
      assertEquals(response.status, status, rule);
      assertStringIncludes(await response.text(), words);
    }
  });
});

describe("an explanation", () => {
  const asking = (request: string, address = "") => `/lookup?${new URLSearchParams({ request, address })}`;

  it("says of each rule whether it applies, why, what is in use and when the request passes, and charges nothing", async () => {
    const { app, statuses } = await seen([
      { name: "all", rate: "5/min" },
      { name: "login", rate: "1/min", on: "POST /login" },
      { name: "trial", rate: "1/min", on: "/login", mode: "shadow" },
      { name: "costly", rate: "3/min", cost: 5, on: "/costly" },
    ]);
    const page = async (request: string, address?: string) =>
      visible(await text(app.request(asking(request, address))));
    for (let i = 0; i < 5; i++) {
      const html = await page("post /login", "192.0.2.1");
      assertStringIncludes(html, 'The request "POST /login" would be allowed now.');
      assertStringIncludes(html, "The address is 192.0.2.1, from the option client.address.");
      assertStringIncludes(
        html,
        'login allowsThe request matches its pattern "POST /login".Key192.0.2.1In use0 of 1; 1 left',
      );
      assertStringIncludes(html, 'costly does not applyThe path is "/login", and its pattern is "/costly".');
    }
    assertEquals(await statuses(2, "POST /login"), [200, 429]);
    const refused = await page("POST /login");
    assertStringIncludes(refused, 'The request "POST /login" would be refused now by rule "login".');
    assertStringIncludes(
      refused,
      "all allowsIt is for every request.Key192.0.2.1In use4 of 5; 1 left, it costs 1Verdict",
    );
    const passes = "Passes at 2027-01-15T08:01:00.000Z, or with a limit of at least 2.";
    assertStringIncludes(refused, `Verdict${passes}AnswerBy the store.`);
    assertStringIncludes(refused, 'trial would refuseThe request matches its pattern "/login".');
    const costly = await page("/costly");
    assertStringIncludes(
      costly,
      "Never: the cost of 5 is above the limit of 3; passes with a limit of at least 5.",
    );
  });

  it("answers 422 with a sentence where it is asked about no request or no address", async () => {
    const { app } = await seen();
    for (
      const [request, address, words] of [
        ["login", "", "The request must be a method and a path, such as POST /login."],
        ["G(T /", "", "The request must be a method and a path"],
        ["/", "localhost", "The address must be an IP address, such as 203.0.113.9."],
      ]
    ) {
      const response = await app.request(asking(request, address));
      assertEquals(response.status, 422, request);
      assertStringIncludes(await response.text(), words);
    }
  });
});

describe("a reset", () => {
  it("forgets the key under the rule and leads back to its look-up", async () => {
    const { app, mounted, throttle, statuses } = await seen();
    const key = "192.0.2.1";
    for (const [at, path] of [[app, "/reset"], [mounted, `${MOUNT}/reset`]] as const) {
      assertEquals((await throttle.usage("all", key)).remaining, 0);
      const response = await at.request(path, form({ rule: "all", key }));
      assertEquals(response.status, 303);
      const location = new URL(response.headers.get("location")!, `https://ops.example${path}`);
      assertEquals(
        location.href,
        `https://ops.example${path.replace("reset", "lookup")}?rule=all&key=${key}&reset=done`,
      );
      const html = await text(at.request(location.pathname + location.search));
      assertStringIncludes(html, "This key was reset");
      assertStringIncludes(html, "One more request passes.");
      assertEquals(await statuses(3), [200, 200, 429]);
    }
  });

  it("is done for a rule whose rate is decided per request, too", async () => {
    const { app, send } = await seen({ name: "plan", rate: () => "1/min" });
    assertEquals((await send()).status, 429);
    assertEquals((await app.request("/reset", form({ rule: "plan", key: "192.0.2.1" }))).status, 303);
    assertEquals((await send()).status, 200);
  });

  it("answers 404 without such a rule, 400 without a rule and a key, 503 where the store cannot", async () => {
    const { app, statistics } = await seen();
    const whole = { rule: "all", key: "x" };
    assertEquals((await app.request("/reset", form({ ...whole, rule: "nothing" }))).status, 404);
    const broken = { "content-type": "multipart/form-data; boundary=x", ...same };
    for (
      const init of [form({ rule: "all" }), form({ key: "x" }), { method: "POST", headers: same }, {
        method: "POST",
        headers: broken,
        body: "x",
      }]
    ) {
      assertEquals((await app.request("/reset", init)).status, 400);
    }
    const { forget: _, ...store } = memoryStore();
    const throttle = createThrottle({ name: "all", rate: "1/min" }, { store });
    const ops = dashboard<DashboardApp>({ throttle, stats: statistics, authorize: () => true });
    assertEquals((await ops.request("/reset", form(whole))).status, 503);
  });

  it("is refused with 403 unless it comes from a page of the same origin, as proxies let that be seen", async () => {
    const { app } = await seen();
    const host = "ops.example";
    const cases: readonly (readonly [title: string, Record<string, string>, passes: boolean])[] = [
      [
        "a browser, its own page",
        { "sec-fetch-site": "same-origin", origin: "https://ops.example", host },
        true,
      ],
      ["a browser behind a proxy that writes another host", {
        "sec-fetch-site": "same-origin",
        origin: "https://ops.example",
        host: "backend:8080",
      }, true],
      ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example", host }, false],
      ["another host of the site", {
        "sec-fetch-site": "same-site",
        origin: "https://evil.ops.example",
        host,
      }, false],
      ["another site that could forge its origin", {
        "sec-fetch-site": "cross-site",
        origin: "https://ops.example",
        host,
      }, false],
      ["a bookmark", { "sec-fetch-site": "none", host }, false],
      ["an old browser", { origin: "https://ops.example", host }, true],
      ["an old browser, TLS ended by a proxy in front", {
        origin: "https://ops.example",
        host: "ops.example",
      }, true],
      [
        "an old browser, a port of its own",
        { origin: "http://ops.example:8080", host: "ops.example:8080" },
        true,
      ],
      ["an old browser, the default port written out", {
        origin: "https://ops.example",
        host: "ops.example:443",
      }, true],
      ["an old browser, upper case", { origin: "https://ops.example", host: "OPS.example" }, true],
      ["an old browser, another port", { origin: "https://ops.example:8080", host }, false],
      ["an old browser, another site", { origin: "https://evil.example", host }, false],
      [
        "an old browser, the host within another",
        { origin: "https://ops.example.evil.example", host },
        false,
      ],
      ["an old browser, a sandboxed page", { origin: "null", host }, false],
      ["an old browser behind a proxy that writes another host", {
        origin: "https://ops.example",
        host: "backend:8080",
      }, false],
      ["no browser", { host }, false],
      ["nonsense", { origin: "https://", host: "a b" }, false],
    ];
    for (const [title, headers, passes] of cases) {
      const request = new Request("http://ops.example/reset", form({ rule: "all", key: "x" }, headers));
      assertEquals((await app.fetch(request)).status, passes ? 303 : 403, title);
    }
  });

  it("goes by the Host of a real server", async () => {
    const { mounted } = await seen();
    const server = await serve(mounted.fetch);
    try {
      const url = `${server.url}${MOUNT}/reset`;
      const send = (origin: string) =>
        get(url, { ...form({ rule: "all", key: "x" }, { origin }), redirect: "manual" });
      assertEquals((await send(server.url)).status, 303);
      assertEquals((await send(server.url.replace("http:", "https:"))).status, 303);
      assertEquals((await send("https://evil.example")).status, 403);
      assertEquals((await send(server.url.replace(/\d+$/, "1"))).status, 403);
    } finally {
      await server.close();
    }
  });
});

describe("the dashboard's numbers for programs", () => {
  it("/stats is the report as JSON", async () => {
    const { app, statistics } = await seen({ name: "all", rate: "2/min", on: "/items/:id" });
    const { statuses } = await seen();
    await statuses(1);
    const response = await app.request("/stats");
    assertEquals(response.headers.get("content-type"), "application/json");
    const report = await response.json();
    assertEquals(report, JSON.parse(JSON.stringify(await statistics.read())));
    const names = [
      ...[
        "current_hour",
        "top_throttled_ips",
        "top_throttled_keys",
        "top_throttled_endpoints",
        "by_endpoint",
      ],
    ];
    for (const name of names) assert(name in report, name);
    const { total_requests, throttled_requests, unique_ips } = report.current_hour;
    assertEquals([total_requests, throttled_requests, unique_ips], [3, 0, 1]);
    assertEquals([report.minutes.length, report.hours.length], [1440, 24]);
  });

  it("/metrics is what Prometheus reads", async () => {
    const { app } = await seen([{ name: "all", rate: "2/min" }, {
      name: "trial",
      rate: "1/min",
      mode: "shadow",
    }]);
    const families = parsePrometheus(await text(app.request("/metrics")));
    const values: Record<string, number> = {};
    for (const { name, metrics } of families) {
      for (const metric of metrics) {
        values[[name, ...Object.values(metric.labels ?? {})].join(" ")] = Number(metric.value);
      }
    }
    assertEquals(values["weir_requests_total allowed"], 2);
    assertEquals(values["weir_requests_total refused"], 1);
    assertEquals(values["weir_rule_decisions_total trial shadow-refused"], 2);
    assertEquals(values["weir_store_failing"], 0);
    for (const { type } of families) assert(["COUNTER", "GAUGE"].includes(type));
  });

  it("reports an error of the statistics as one, policy and all", async () => {
    const broken: Stats = Object.assign(() => {}, {
      answered() {},
      flush: () => Promise.resolve(),
      read: () => Promise.reject(new Error("away")),
    });
    const app = dashboard<DashboardApp>({
      throttle: createThrottle("1/min") as Throttle,
      stats: broken,
      authorize: () => true,
    });
    const { error } = console;
    console.error = () => {};
    try {
      const response = await app.request("/");
      assertEquals([response.status, await response.text()], [500, "Internal Server Error"]);
      assertMatch(response.headers.get("content-security-policy")!, /default-src 'none'/);
    } finally {
      console.error = error;
    }
  });
});

describe("numbers as people read them", () => {
  it("are short where they must be, and never say nothing of something", () => {
    assertEquals([0, 999, 9999, 10_000, 12_345, 4_600_000, 7.2e9].map(brief), [
      "0",
      "999",
      "9,999",
      "10K",
      "12.3K",
      "4.6M",
      "7.2B",
    ]);
    assertEquals(
      [[0, 0], [0, 9], [1, 10_000], [1, 3], [9999, 10_000], [9, 9]].map(([part, whole]) =>
        percent(part, whole)
      ),
      ["0 %", "0 %", "< 0.1 %", "33.3 %", "99.99 %", "100.0 %"],
    );
    assertEquals([0, 1, 999.5, 1000, 61_001, 3_600_000, 90_061_000, Infinity].map(span), [
      "0 s",
      "1 ms",
      "1 s",
      "1 s",
      "1 min 2 s",
      "1 h",
      "1 d 1 h",
      "never",
    ]);
  });
});
