/**
 * The dashboard's routes, and who may see them.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import type { Decision } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import { shown } from "../rate.ts";
import { PROMETHEUS_TYPE, prometheusText } from "../stats/prometheus.ts";
import type { StatsReport } from "../stats/report.ts";
import type { Stats } from "../stats/stats.ts";
import type { Throttle } from "../throttle.ts";
import { clientsPage } from "./clients.tsx";
import { live } from "./live.ts";
import { type Lookup, lookupPage } from "./lookup.tsx";
import { overviewPage } from "./overview.tsx";
import type { Page } from "./page.tsx";
import { routesPage } from "./routes.tsx";
import { rulesPage } from "./rules.tsx";
import { style } from "./style.ts";

/** What {@link dashboard} takes. */
export interface DashboardOptions {
  /** The throttle whose rules are shown and whose keys are looked up. */
  throttle: Throttle;
  /** The statistics to show: one of the throttle's observers. */
  stats: Stats;
  /** May this request see the dashboard, and reset keys? False answers 403. There is no default. */
  authorize: (request: Request) => MaybePromise<boolean>;
}

/**
 * As much of a Hono app as is needed to use it without one. What {@link dashboard} gives is a real
 * one, whose type this package's declarations cannot name.
 */
export interface DashboardApp {
  /** Answers a request, as a server's handler. */
  fetch(request: Request, ...platform: unknown[]): Response | Promise<Response>;
  /** Answers a request given by its path, as tests do. */
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

/** No scripts, styles or requests but the dashboard's own, and no page of others around it. */
const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** The pages made of statistics alone. */
const REPORT_PAGES: readonly (readonly [path: string, make: (page: Page, report: StatsReport) => unknown])[] =
  [
    ["/", overviewPage],
    ["/rules", rulesPage],
    ["/routes", routesPage],
    ["/clients", clientsPage],
  ];

/**
 * Does the request come from a page of this origin? Browsers say so in Sec-Fetch-Site; those that do not, in
 * Origin. Its scheme is left out: a proxy in front may end TLS.
 */
function isSameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  return new URL(origin).host === (request.headers.get("host") ?? new URL(request.url).host);
}

/** The path that the app is mounted at: what stands before `path` in the request's. */
function mountOf({ req }: Context, path: string): string {
  const { pathname } = new URL(req.url);
  const end = path === "/" ? "" : path;
  return pathname.slice(0, pathname.length - end.length).replace(/\/+$/, "");
}

/**
 * The dashboard. Below where it is mounted: `/` (requests and refusals over time, clients, store health), `/rules`, `/routes`,
 * `/clients`, `/lookup?rule=&key=` (what a key has used, why it is refused, when that ends), `POST /reset` (rule, key; same
 * origin only), `/stats` (the statistics as JSON) and `/metrics` (as Prometheus text).
 *
 * Pages are rendered here and need no script; with it they refresh themselves. It needs `d3-scale` and `d3-shape`.
 *
 * @typeParam App What to see it as: Hono's own type, or {@link DashboardApp}. Default: whatever is wanted where it is used.
 * @param options See {@link DashboardOptions}.
 * @returns A Hono app.
 * @throws {TypeError} When the throttle, the statistics or `authorize` is missing.
 */
// deno-lint-ignore no-explicit-any -- where nothing says which type is wanted, Hono's `route` must take it
export function dashboard<App extends DashboardApp = any>(options: DashboardOptions): App {
  const { throttle, stats, authorize } = options;
  const demands: readonly (readonly [string, boolean, unknown])[] = [
    ["throttle must be a throttle", typeof throttle?.usage === "function", throttle],
    ["stats must be what stats() gives", typeof stats?.read === "function", stats],
    ["authorize must be a function that says who may see it", typeof authorize === "function", authorize],
  ];
  for (const [demand, holds, value] of demands) {
    if (!holds) throw new TypeError(`Cannot make dashboard() as ${demand}: current value is ${shown(value)}`);
  }
  const app = new Hono();

  app.use(async (c, next) => {
    if (await authorize(c.req.raw) === true) await next();
    else c.res = c.text("You may not see this.", 403);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
  });

  for (const [path, make] of REPORT_PAGES) {
    app.get(path, async (c) => {
      const report = await stats.read();
      return c.html(
        `<!doctype html>${make({ mount: mountOf(c, path), path, rules: throttle.rules }, report)}`,
      );
    });
  }

  /** What a rule says of a key; or why it cannot say. */
  async function look(rule: string, key: string): Promise<Decision | string> {
    try {
      return await throttle.usage(rule, key);
    } catch (error) {
      return (error as Error).message;
    }
  }

  app.get("/lookup", async (c) => {
    const { rule = "", key = "", reset } = c.req.query();
    const found: Lookup = {
      rule,
      key,
      wasReset: reset === "done",
      answer: rule === "" ? null : await look(rule, key),
    };
    const page = { mount: mountOf(c, "/lookup"), path: "/lookup", rules: throttle.rules };
    return c.html(`<!doctype html>${lookupPage(page, found)}`, typeof found.answer === "string" ? 404 : 200);
  });

  app.post("/reset", async (c) => {
    if (!isSameOrigin(c.req.raw)) return c.text("Only this dashboard's own pages may reset a key.", 403);
    const { rule, key } = await c.req.parseBody();
    if (typeof rule !== "string" || typeof key !== "string") {
      return c.text("A reset needs a rule and a key.", 400);
    }
    try {
      await throttle.reset(rule, key);
    } catch (error) {
      return c.text((error as Error).message, error instanceof TypeError ? 404 : 503);
    }
    const query = new URLSearchParams({ rule, key, reset: "done" });
    return c.redirect(`${mountOf(c, "/reset")}/lookup?${query}`, 303);
  });

  app.get("/stats", async (c) => c.json(await stats.read()));
  app.get(
    "/metrics",
    async (c) =>
      c.body(prometheusText(await stats.read({ minutes: 0 })), 200, { "Content-Type": PROMETHEUS_TYPE }),
  );
  app.get("/style.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get("/live.js", (c) => c.body(live, 200, { "Content-Type": "text/javascript; charset=utf-8" }));
  return app as DashboardApp as App;
}
