/**
 * The page of routes.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsCounts, StatsReport } from "../stats/report.ts";
import { count, Layout, type Page, percent, Table } from "./page.tsx";

function CountsTable(
  { caption, name, by }: { caption: string; name: string; by: Record<string, StatsCounts> },
) {
  const rows = Object.entries(by).sort(([, a], [, b]) => b.refused - a.refused || b.requests - a.requests);
  return (
    <Table
      caption={caption}
      head={[name, "Requests", "Refused", "Share", "Would refuse"]}
      rows={rows.map(([label, { requests, refused, shadow_refused }]) => [
        label,
        count(requests),
        count(refused),
        percent(refused, requests),
        count(shadow_refused),
      ])}
    />
  );
}

/** Where requests are refused: by route pattern, by method, and what was answered. */
export function routesPage(
  page: Page,
  { top_throttled_endpoints, by_endpoint, by_method, by_status }: StatsReport,
): JSX.Element {
  return (
    <Layout page={page} title="Routes">
      <Table
        caption="Where most was refused"
        head={["Route", "Refused"]}
        rows={top_throttled_endpoints.map(({ endpoint, refused }) => [endpoint, count(refused)])}
        empty="Nothing was refused in the last 24 hours."
      />
      <CountsTable caption="By route, last 24 hours" name="Route" by={by_endpoint} />
      <CountsTable caption="By method, last 24 hours" name="Method" by={by_method} />
      <Table
        caption="Responses by status, last 24 hours"
        head={["Status", "Responses"]}
        rows={Object.entries(by_status).map(([status, n]) => [status, count(n)])}
      />
      <p class="note">* stands for requests that no rule has a pattern for.</p>
    </Layout>
  );
}
