/**
 * The page of clients.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport } from "../stats/report.ts";
import { count, Layout, type Page, Table } from "./page.tsx";

/** Who is refused most. */
export function clientsPage(
  page: Page,
  { top_throttled_ips, current_hour, last_24_hours }: StatsReport,
): JSX.Element {
  return (
    <Layout page={page} title="Clients">
      <Table
        caption="Refused most, last 24 hours"
        head={["Client", "Refused"]}
        rows={top_throttled_ips.map(({ ip, refused }) => [<code>{ip}</code>, count(refused)])}
        empty="Nobody was refused in the last 24 hours."
      />
      <p>
        {`Different clients: ${count(current_hour.unique_ips)} this hour, ${
          count(last_24_hours.unique_ips)
        } in 24 hours, within 2 %.`}
      </p>
      <p class="note">
        Clients are shown by keyed hashes of their addresses, unless the statistics were made with
        showAddresses.
      </p>
    </Layout>
  );
}
