/**
 * The page of routes.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsCounts, StatsReport } from "../stats/report.ts";
import { Bar } from "./bar.tsx";
import { count, percent } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";
import { RouteText } from "./route_text.tsx";
import { Table } from "./table.tsx";

function CountsTable(
  { caption, name, by }: { caption: string; name: string; by: Record<string, StatsCounts> },
) {
  const rows = Object.entries(by).sort(([, a], [, b]) => b.refused - a.refused || b.requests - a.requests);
  return (
    <Table
      caption={caption}
      head={[name, "Requests", "Refused", "Would refuse"]}
      rows={rows.map(([label, { requests, refused, shadow_refused }]) => [
        <>
          <RouteText>{label}</RouteText>
          <Bar whole={requests} parts={[["refused", refused], ["total", requests - refused]]} />
        </>,
        count(requests),
        <>
          {count(refused)} <small>{percent(refused, requests)}</small>
        </>,
        count(shadow_refused),
      ])}
    />
  );
}

/** Refusals by route pattern and by method, and responses by status. */
export function routesPage(page: Page, report: StatsReport): JSX.Element {
  const { top_throttled_endpoints, by_endpoint, by_method, by_status } = report;
  const most = top_throttled_endpoints[0]?.refused ?? 0;
  const answers = Object.values(by_status).reduce((sum, n) => sum + n, 0);
  return (
    <Layout page={page} title="Routes" report={report}>
      <Table
        caption="Refused most, last 24 hours"
        head={["Route", "Refused"]}
        rows={top_throttled_endpoints.map(({ endpoint, refused }) => [
          <>
            <RouteText>{endpoint}</RouteText>
            <Bar whole={most} parts={[["refused", refused]]} />
          </>,
          count(refused),
        ])}
        empty="Nothing was refused in the last 24 hours."
      />
      <CountsTable caption="By route, last 24 hours" name="Route" by={by_endpoint} />
      <CountsTable caption="By method, last 24 hours" name="Method" by={by_method} />
      <Table
        caption="Responses by status, last 24 hours"
        head={["Status", "Responses", "Share"]}
        rows={Object.entries(by_status).map(([status, n]) => [status, count(n), percent(n, answers)])}
      />
      <p class="note">
        <code>*</code>{" "}
        stands for requests that match no pattern of a rule. "Would refuse" counts the refusals in shadow
        mode.
      </p>
    </Layout>
  );
}
