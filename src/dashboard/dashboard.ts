/**
 * The dashboard's routes and their authorization.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { canonicalAddress } from "../client/address.ts";
import type { Decision } from "../decision.ts";
import type { Explanation } from "../explain/explanation.ts";
import { requestFrom } from "../explain/request_line.ts";
import type { MaybePromise } from "../maybe.ts";
import { type Demands, FUNCTION, having, required, requireOptions } from "../options.ts";
import { PROMETHEUS_TYPE, prometheusText } from "../stats/prometheus.ts";
import type { StatsReport } from "../stats/report.ts";
import type { Stats } from "../stats/stats.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { clientsPage } from "./clients.tsx";
import type { AskedRequest } from "./explained.tsx";
import { live } from "./live.ts";
import { lookupPage } from "./lookup.tsx";
import { overviewPage } from "./overview.tsx";
import { linksFrom, type Page } from "./page.tsx";
import { routesPage } from "./routes.tsx";
import { rulesPage } from "./rules.tsx";
import { isSameOrigin } from "./same_origin.ts";
import { style } from "./style.ts";

/** The options of {@link dashboard}. */
export interface DashboardOptions {
  /** The throttle whose rules are shown and whose keys are looked up. */
  throttle: Throttle;
  /** The statistics to show: one of the throttle's observers. */
  stats: Stats;
  /**
   * May this request see the dashboard, and reset keys? False answers 403. The app's error handler receives
   * an error of this function: Hono sends an `HTTPException` as it is, so that a 401 can ask for a password;
   * any other error is a 500. There is no default.
   */
  authorize: (request: Request) => MaybePromise<boolean>;
}

/**
 * The part of a Hono app that works without Hono. The result of {@link dashboard} is a real Hono app, whose
 * type this package's declarations cannot name.
 */
export interface DashboardApp {
  /** Answers a request, as a server's handler. */
  fetch(request: Request, ...platform: unknown[]): Response | Promise<Response>;
  /** Answers a request by its path, as in tests. */
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

/** Allows only the dashboard's own scripts, styles and requests, and forbids embedding. */
const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** The pages that show statistics. */
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

/** The content of the look-up page. */
interface LookupContent {
  /** The rule's decision about a key, or the reason why there is none. */
  readonly answer: Decision | string;
  /** The status of the page. */
  readonly status: ContentfulStatusCode;
}

const NO_SUCH_RULE: LookupContent = { answer: "There is no such rule.", status: 404 };

/** Looks up a key under a rule. */
async function look(throttle: Throttle, name: string, key: string): Promise<LookupContent> {
  const rule = throttle.rules.find((rule) => rule.name === name);
  if (rule === undefined) return NO_SUCH_RULE;
  if (rule.limit === null) {
    const answer = "Its rate is decided per request, so the use of a key depends on its requests.";
    return { answer, status: 422 };
  }
  try {
    return { answer: await throttle.usage(name, key), status: 200 };
  } catch (error) {
    return { answer: (error as Error).message, status: 503 };
  }
}

/** The explanation of a request, or the reason why there is none, and the status of its page. */
interface ExplainedContent {
  readonly explanation: Explanation | string;
  readonly status: ContentfulStatusCode;
}

/** Explains one more request of an address. */
async function explain(throttle: Throttle, { request, address }: AskedRequest): Promise<ExplainedContent> {
  const asked = requestFrom(request);
  if (asked === null) {
    return { explanation: "The request must be a method and a path, such as POST /login.", status: 422 };
  }
  const ip = address === "" ? null : canonicalAddress(address);
  if (ip === null && address !== "") {
    return { explanation: "The address must be an IP address, such as 203.0.113.9.", status: 422 };
  }
  try {
    return { explanation: await throttle.explain(asked, ...ip === null ? [] : [{ ip }]), status: 200 };
  } catch (error) {
    return { explanation: (error as Error).message, status: 503 };
  }
}

/** Resets a key; null on success. */
async function reset(throttle: Throttle, name: string, key: string): Promise<LookupContent | null> {
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
    const { rule = "", key, reset, request = "", address = "" } = c.req.query();
    const asked = { request: request.trim(), address: address.trim() };
    const form = { rule, key: key ?? "", wasReset: reset === "done", asked };
    const page = pageAt(c, "/lookup", throttle);
    if (asked.request !== "") {
      const { explanation, status } = await explain(throttle, asked);
      return html(c, lookupPage(page, { ...form, answer: null, explanation }), status);
    }
    // A link may name the rule alone, or the key: then the form is filled in so far.
    const { answer, status } = rule === "" || key === undefined
      ? { answer: null, status: 200 as const }
      : await look(throttle, rule, key);
    return html(c, lookupPage(page, { ...form, answer, explanation: null }), status);
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
    const nothing = { wasReset: false, asked: { request: "", address: "" }, explanation: null };
    const found = { rule, key, ...nothing, answer: failure.answer };
    return html(c, lookupPage(pageAt(c, "/lookup", throttle), found), failure.status);
  });
}

/**
 * The dashboard. Its paths, below the mount path: `/` (requests and refusals over time, clients, store
 * health), `/rules`, `/routes`, `/clients`, `/lookup?rule=&key=` (a key's use, the reason of its refusal, and
 * its end), `/lookup?request=POST /login&address=` (the explanation of a request), `POST /reset` (rule, key; same origin only), `/stats` (the statistics as JSON) and `/metrics` (as
 * Prometheus text).
 *
 * The server renders the pages, which work without a script; with it they refresh themselves. Their links are
 * relative, so a proxy may serve them under another path. Behind a server that cuts the mount path off, as
 * Express does, redirect that path to the same with a slash at its end first.
 *
 * @typeParam App The type of the result: Hono's own type, or {@link DashboardApp}. Default: inferred from its
 * use.
 * @param options See {@link DashboardOptions}.
 * @returns A Hono app.
 * @throws {TypeError} If the throttle, the statistics or `authorize` is missing, or on an unknown option.
 *
 * @example Mounted in a Hono app
 * ```ts
 * import { Hono } from "hono";
 * import { createThrottle, stats } from "@weir/throttle";
 * import { dashboard } from "@weir/throttle/dashboard";
 * import { equal } from "node:assert/strict";
 *
 * const statistics = stats();
 * const throttle = createThrottle("60/min", { observers: [statistics] });
 * const authorize = (request: Request) => request.headers.get("authorization") === "Bearer operators-only";
 *
 * const app = new Hono();
 * app.route("/admin/throttle", dashboard({ throttle, stats: statistics, authorize }));
 * const headers = { authorization: "Bearer operators-only" };
 * equal((await app.request("/admin/throttle/rules", { headers })).status, 200);
 * ```
 */
// deno-lint-ignore no-explicit-any -- where nothing says which type is wanted, Hono's `route` must take it
export function dashboard<App extends DashboardApp = any>(options: DashboardOptions): App {
  requireOptions(options, DEMANDS, "make dashboard()");
  const { throttle, stats, authorize } = options;
  const app = new Hono();

  // The outermost middleware, so that error responses have these headers too.
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
  // These paths, and above all the mount path, also work with a slash at the end.
  app.get("/*", (c, next) => {
    const [, last] = /([^/]*)\/$/.exec(new URL(c.req.url).pathname) ?? [];
    return last === undefined ? next() : Promise.resolve(c.redirect(`../${last}`, 308));
  });
  return app as DashboardApp as App;
}
