/**
 * The page of rules: what each grants, and what it did.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { CompiledRule } from "../rule.ts";
import type { StatsReport, StatsRule } from "../stats/report.ts";
import { count, Layout, type Page, percent, span, Table } from "./page.tsx";

const NOTHING: StatsRule = {
  requests: 0,
  refused: 0,
  shadow_refused: 0,
  near_limit: 0,
  limit: null,
  window_ms: null,
  mode: null,
};

function rateText(limit: number | null, windowMs: number | null): string {
  return limit === null || windowMs === null ? "per request" : `${count(limit)} / ${span(windowMs)}`;
}

function row({ name, limit, windowMs, algorithm, mode, on }: CompiledRule, by: StatsReport["by_rule"]) {
  const seen = Object.hasOwn(by, name) ? by[name] : NOTHING;
  return [
    name,
    rateText(limit ?? seen.limit, windowMs ?? seen.window_ms),
    algorithm,
    mode === "shadow" ? <strong>shadow</strong> : "live",
    on.length === 0 ? "every request" : on.join(", "),
    count(seen.requests),
    count(seen.near_limit),
    count(seen.refused),
    count(seen.shadow_refused),
    percent(seen.refused + seen.shadow_refused, seen.requests),
  ];
}

/** Every rule: its limit, how near its clients come to it, and what it refused or, in shadow, would have. */
export function rulesPage(page: Page, { by_rule }: StatsReport): JSX.Element {
  return (
    <Layout page={page} title="Rules">
      <Table
        caption="Rules, last 24 hours"
        head={[
          "Rule",
          "Limit",
          "Algorithm",
          "Mode",
          "On",
          "Requests",
          "Near the limit",
          "Refused",
          "Would refuse",
          "Share",
        ]}
        rows={page.rules.map((rule) => row(rule, by_rule))}
      />
      <p class="note">Near the limit: let pass with a tenth of the limit left, or less.</p>
    </Layout>
  );
}
