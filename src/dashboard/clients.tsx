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

/** Is this an address, rather than a hash? Only an address can be looked up. */
const isAddress = (client: string): boolean => /[.:]/.test(client);

/** Is this the hash of a key, rather than the key? A hash cannot be looked up. */
const isHash = (key: string): boolean => /^[0-9a-f]{16}$/.test(key);

/** The most refused keys of each rule. */
function KeysTable({ page, keys }: { page: Page; keys: StatsReport["top_throttled_keys"] }) {
  const most = keys[0]?.refused ?? 0;
  return (
    <Table
      caption="Keys refused most, last 24 hours"
      head={["Key and rule", "Refused"]}
      rows={keys.map(({ rule, key, refused }) => [
        <>
          {isHash(key)
            ? <code>{key}</code>
            : (
              <a href={`${page.links}lookup?${new URLSearchParams({ rule, key })}`}>
                <code>{key}</code>
              </a>
            )} <span class="note">under {rule}</span>
          <Bar whole={most} parts={[["refused", refused]]} />
        </>,
        count(refused),
      ])}
      empty="No key was refused in the last 24 hours."
    />
  );
}

/** The most refused clients and keys. */
export function clientsPage(page: Page, report: StatsReport): JSX.Element {
  const { top_throttled_ips, top_throttled_keys, current_hour, last_24_hours } = report;
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
      <KeysTable page={page} keys={top_throttled_keys} />
      <p class="note">
        Clients are shown by keyed hashes of their addresses, unless the statistics were made with{" "}
        <code>showAddresses</code>. Keys are the results of the rules' key functions, such as the ids of
        users; they are shown by keyed hashes unless the statistics were made with <code>revealKeys</code>.
      </p>
    </Layout>
  );
}
