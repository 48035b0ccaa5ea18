/**
 * The dashboard: a Hono app that shows which clients are throttled, where and why. Mount it in an app
 * (`app.route("/admin/throttle", dashboard(...))`), or use its `fetch` as a handler.
 *
 * @example Behind your own authorization
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
export type { Algorithm, Policy, Step } from "../algorithms/algorithm.ts";
export type { Context, Identity } from "../context.ts";
export type { Decision, Mode, Source } from "../decision.ts";
export type { ExplainedAddress, ExplainedKey, ExplainedRule, Explanation } from "../explain/explanation.ts";
export type { Key, Stage } from "../keys/key.ts";
export type { MaybePromise } from "../maybe.ts";
export type { Observer, ThrottleEvent } from "../observers/events.ts";
export type { Outcome, RequestThrottle } from "../outcome.ts";
export type { CompiledRule, FailurePolicy } from "../rules/rule.ts";
export type {
  StatsBreakdown,
  StatsCounts,
  StatsReport,
  StatsRule,
  StatsRuleCounts,
  StatsSlot,
  StatsStoreHealth,
  StatsSummary,
  StatsTrial,
} from "../stats/report.ts";
export type { Stats } from "../stats/stats.ts";
export type { Handler } from "../throttle/handler.ts";
export type { Throttle } from "../throttle/throttle.ts";
