/**
 * The page of what is going on.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport, StatsSlot } from "../stats/report.ts";
import { Chart } from "./chart.tsx";
import { count, Layout, moment, type Page, percent } from "./page.tsx";

function Figure({ name, value, note }: { name: string; value: string; note?: string | undefined }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        {value}
        {note === undefined ? null : <small>{note}</small>}
      </dd>
    </div>
  );
}

function TimeChart({ id, title, slots }: { id: string; title: string; slots: readonly StatsSlot[] }) {
  return (
    <Chart
      id={id}
      title={title}
      starts={slots.map(({ start }) => start)}
      series={[
        { name: "requests", look: "total", values: slots.map(({ requests }) => requests) },
        { name: "refused", look: "refused", values: slots.map(({ refused }) => refused) },
      ]}
    />
  );
}

/** Requests and refusals over time, the share of refusals, clients, and how the store is. */
export function overviewPage(
  page: Page,
  { at, scope, current_hour, last_24_hours, minutes, hours, store }: StatsReport,
): JSX.Element {
  return (
    <Layout page={page} title="Overview">
      {store.state === "failing"
        ? (
          <p class="alarm" role="status">
            {`The store fails since ${moment(store.since ?? at)}: ${store.error ?? "no reason known"}`}
          </p>
        )
        : null}
      <dl class="figures">
        <Figure name="Requests this hour" value={count(current_hour.total_requests)} />
        <Figure
          name="Refused this hour"
          value={count(current_hour.throttled_requests)}
          note={percent(current_hour.throttled_requests, current_hour.total_requests)}
        />
        <Figure name="Clients this hour" value={count(current_hour.unique_ips)} />
        <Figure
          name="Refused in 24 hours"
          value={count(last_24_hours.throttled_requests)}
          note={percent(last_24_hours.throttled_requests, last_24_hours.total_requests)}
        />
        <Figure
          name="Shadow rules would refuse"
          value={count(last_24_hours.shadow_throttled_requests)}
          note="in 24 hours"
        />
        <Figure
          name="Store"
          value={store.state}
          note={store.failures === 0 ? undefined : `failed ${count(store.failures)} times`}
        />
      </dl>
      <TimeChart id="minutes" title="Requests and refusals, last 60 minutes" slots={minutes.slice(-60)} />
      <TimeChart id="hours" title="Requests and refusals, last 24 hours" slots={hours} />
      <Chart
        id="clients"
        title="Different clients, last 24 hours"
        starts={hours.map(({ start }) => start)}
        series={[{
          name: "clients",
          look: "clients",
          values: hours.map(({ unique_clients }) => unique_clients),
        }]}
      />
      <p class="note">
        {`${scope === "shared" ? "All instances" : "This instance"}, as of ${moment(at)}.`}
      </p>
    </Layout>
  );
}
