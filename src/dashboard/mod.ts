/**
 * The dashboard: a Hono app that shows who is being throttled, where and why. Mount it in an app
 * (`app.route("/admin/throttle", dashboard(...))`), or use its `fetch` as a handler of its own.
 *
 * @example Behind a check of one's own
 * ```ts
 * import { createThrottle, stats } from "@weir/throttle";
 * import { dashboard, type DashboardApp } from "@weir/throttle/dashboard";
 * import { equal } from "node:assert/strict";
 *
 * const statistics = stats();
 * const throttle = createThrottle("60/min", { observers: [statistics] });
 * const app = dashboard<DashboardApp>({
 *   throttle,
 *   stats: statistics,
 *   authorize: (request) => request.headers.get("authorization") === "Bearer operators-only",
 * });
 *
 * equal((await app.request("/stats")).status, 403);
 * const headers = { authorization: "Bearer operators-only" };
 * const report = await (await app.request("/stats", { headers })).json();
 * equal(report.current_hour.total_requests, 0);
 * ```
 *
 * @module
 */

export { dashboard, type DashboardApp, type DashboardOptions } from "./dashboard.ts";
export type * from "../../mod.ts";
