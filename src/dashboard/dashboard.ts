/**
 * The dashboard's routes, and who may see them.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Decision } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import { type Demands, FUNCTION, having, required, requireOptions } from "../options.ts";
import { PROMETHEUS_TYPE, prometheusText } from "../stats/prometheus.ts";
import type { StatsReport } from "../stats/report.ts";
import type { Stats } from "../stats/stats.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { clientsPage } from "./clients.tsx";
import { live } from "./live.ts";
import { lookupPage } from "./lookup.tsx";
import { overviewPage } from "./overview.tsx";
import { linksFrom, type Page } from "./page.tsx";
import { routesPage } from "./routes.tsx";
import { rulesPage } from "./rules.tsx";
import { isSameOrigin } from "./same_origin.ts";
import { style } from "./style.ts";

/** What {@link dashboard} takes. */
export interface DashboardOptions {
  /** The throttle whose rules are shown and whose keys are looked up. */
  throttle: Throttle;
  /** The statistics to show: one of the throttle's observers. */
  stats: Stats;
  /**
   * May this request see the dashboard, and reset keys? False answers 403. What it throws is for the app's error handler: an
   * `HTTPException` of Hono's is sent as it says, so that a 401 can ask for a password; all else is a 500. There is no default.
   */
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

/** The pages made of statistics. */
const REPORT_PAGES: readonly (readonly [
  path: string,
  make: (page: Page, report: StatsReport) => MaybePromise<unknown>,
])[] = [
  ["/", overviewPage],
  ["/rules", rulesPage],
  ["/routes", routesPage],
  ["/clients", clientsPage],
];

const DEMANDS: Demands<DashboardOptions> = {
  throttle: /* @__PURE__ */ required(/* @__PURE__ */ having("usage", "a throttle")),
  stats: /* @__PURE__ */ required(/* @__PURE__ */ having("read", "what stats() gives")),
  authorize: /* @__PURE__ */ required({ ...FUNCTION, must: "a function that says who may see it" }),
};

/** What a page of the look-up is to say. */
interface Told {
  /** What a rule says of a key, or why it cannot. */
  readonly answer: Decision | string;
  /** The status of the page. */
  readonly status: ContentfulStatusCode;
}

const NO_SUCH_RULE: Told = { answer: "There is no such rule.", status: 404 };

/** Asks a rule about a key. */
async function look(throttle: Throttle, name: string, key: string): Promise<Told> {
  const rule = throttle.rules.find((rule) => rule.name === name);
  if (rule === undefined) return NO_SUCH_RULE;
  if (rule.limit === null) {
    const answer = "Its rate is decided per request, so what a key has used cannot be told by the key alone.";
    return { answer, status: 422 };
  }
  try {
    return { answer: await throttle.usage(name, key), status: 200 };
  } catch (error) {
    return { answer: (error as Error).message, status: 503 };
  }
}

/** Resets a key; null when that is done. */
async function reset(throttle: Throttle, name: string, key: string): Promise<Told | null> {
  if (!throttle.rules.some((rule) => rule.name === name)) {
    return NO_SUCH_RULE;
  }
  try {
    await throttle.reset(name, key);
    return null;
  } catch (error) {
    return { answer: (error as Error).message, status: 503 };
  }
}

const pageAt = ({ req }: Context, path: string, throttle: Throttle): Page => (
  { links: linksFrom(new URL(req.url).pathname, path), path, throttle }
);

const html = (c: Context, page: unknown, status: ContentfulStatusCode = 200) =>
  c.html(`<!doctype html>${page}`, status);

/** The look-up of a key, and its reset. */
function addLookup(app: Hono, throttle: Throttle): void {
  app.get("/lookup", async (c) => {
    const { rule = "", key, reset } = c.req.query();
    const asked = { rule, key: key ?? "", wasReset: reset === "done" };
    // A link may name the rule alone, or the key: then the form is filled in so far.
    const { answer, status } = rule === "" || key === undefined
      ? { answer: null, status: 200 as const }
      : await look(throttle, rule, key);
    return html(c, lookupPage(pageAt(c, "/lookup", throttle), { ...asked, answer }), status);
  });

  app.post("/reset", async (c) => {
    if (!isSameOrigin(c.req.raw)) return c.text("Only this dashboard's own pages may reset a key.", 403);
    const { rule, key } = await c.req.parseBody().catch(() => ({ rule: undefined, key: undefined }));
    if (typeof rule !== "string" || typeof key !== "string") {
      return c.text("A reset needs a rule and a key.", 400);
    }
    const failure = await reset(throttle, rule, key);
    if (failure === null) {
      return c.redirect(`./lookup?${new URLSearchParams({ rule, key, reset: "done" })}`, 303);
    }
    const found = { rule, key, wasReset: false, answer: failure.answer };
    return html(c, lookupPage(pageAt(c, "/lookup", throttle), found), failure.status);
  });
}

/**
 * The dashboard. Below where it is mounted: `/` (requests and refusals over time, clients, store health), `/rules`, `/routes`,
 * `/clients`, `/lookup?rule=&key=` (what a key has used, why it is refused, when that ends), `POST /reset` (rule, key; same
 * origin only), `/stats` (the statistics as JSON) and `/metrics` (as Prometheus text).
 *
 * Pages are rendered here and need no script; with it they refresh themselves. Their links are relative, so a proxy may put them
 * under another path.
 *
 * @typeParam App What to see it as: Hono's own type, or {@link DashboardApp}. Default: whatever is wanted where it is used.
 * @param options See {@link DashboardOptions}.
 * @returns A Hono app.
 * @throws {TypeError} When the throttle, the statistics or `authorize` is missing, or on an option that does not exist.
 */
// deno-lint-ignore no-explicit-any -- where nothing says which type is wanted, Hono's `route` must take it
export function dashboard<App extends DashboardApp = any>(options: DashboardOptions): App {
  requireOptions(options, DEMANDS, "make dashboard()");
  const { throttle, stats, authorize } = options;
  const app = new Hono();

  // Around all else, so that what is thrown within is answered with them too.
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  });
  app.use(async (c, next) => {
    if (await authorize(c.req.raw) !== true) return c.text("You may not see this.", 403);
    return await next();
  });

  for (const [path, make] of REPORT_PAGES) {
    app.get(
      path,
      async (c) => html(c, await make(pageAt(c, path, throttle), await stats.read({ minutes: 60 }))),
    );
  }

  addLookup(app, throttle);
  app.get("/stats", async (c) => c.json(await stats.read()));
  app.get("/metrics", async (c) => {
    const text = prometheusText(await stats.read({ minutes: 0 }));
    return c.body(text, 200, { "Content-Type": PROMETHEUS_TYPE });
  });
  app.get("/style.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get("/live.js", (c) => c.body(live, 200, { "Content-Type": "text/javascript; charset=utf-8" }));
  // Any of these with a slash at its end, the mount itself above all, is found without it.
  app.get("/*", (c, next) => {
    const [, last] = /([^/]*)\/$/.exec(new URL(c.req.url).pathname) ?? [];
    return last === undefined ? next() : Promise.resolve(c.redirect(`../${last}`, 308));
  });
  return app as DashboardApp as App;
}
