/**
 * The page of clients.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport } from "../stats/report.ts";
import { Bar } from "./bar.tsx";
import { Figure } from "./figure.tsx";
import { brief, count } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";
import { Table } from "./table.tsx";

/** Is this an address, rather than the hash of one? Then it can be the key of a look-up. */
const isAddress = (client: string): boolean => /[.:]/.test(client);

/** Who is refused most. */
export function clientsPage(page: Page, report: StatsReport): JSX.Element {
  const { top_throttled_ips, current_hour, last_24_hours } = report;
  const most = top_throttled_ips[0]?.refused ?? 0;
  return (
    <Layout page={page} title="Clients" report={report}>
      <dl class="figures">
        <Figure name="Different clients" note="this hour, ± 2 %">
          {brief(current_hour.unique_ips)}
        </Figure>
        <Figure name="Different clients" note="in 24 hours, ± 2 %">
          {brief(last_24_hours.unique_ips)}
        </Figure>
      </dl>
      <Table
        caption="Refused most, last 24 hours"
        head={["Client", "Refused"]}
        rows={top_throttled_ips.map(({ ip, refused }) => [
          <>
            {isAddress(ip)
              ? (
                <a href={`${page.links}lookup?${new URLSearchParams({ key: ip })}`}>
                  <code>{ip}</code>
                </a>
              )
              : <code>{ip}</code>}
            <Bar whole={most} parts={[["refused", refused]]} />
          </>,
          count(refused),
        ])}
        empty="Nobody was refused in the last 24 hours."
      />
      <p class="note">
        Clients are shown by keyed hashes of their addresses, unless the statistics were made with{" "}
        <code>showAddresses</code>.
      </p>
    </Layout>
  );
}
