/**
 * The first page: an overview.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport, StatsSlot, StatsStoreHealth } from "../stats/report.ts";
import { Chart } from "./chart.tsx";
import { Figure } from "./figure.tsx";
import { brief, count, moment, percent } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

function RequestsChart(
  { id, title, stepMs, slots }: { id: string; title: string; stepMs: number; slots: readonly StatsSlot[] },
) {
  return (
    <Chart
      id={id}
      title={title}
      stepMs={stepMs}
      starts={slots.map(({ start }) => start)}
      series={[
        { name: "requests", look: "total", values: slots.map(({ requests }) => requests) },
        { name: "refused", look: "refused", values: slots.map(({ refused }) => refused) },
      ]}
    />
  );
}

function ClientsChart({ slots }: { slots: readonly StatsSlot[] }) {
  return (
    <Chart
      id="clients"
      title="Different clients, last 24 hours"
      stepMs={HOUR_MS}
      starts={slots.map(({ start }) => start)}
      series={[{
        name: "clients",
        look: "clients",
        values: slots.map(({ unique_clients }) => unique_clients),
      }]}
    />
  );
}

/** The health of the throttle's store, and its last error. */
function StoreHealth({ store: { state, since, failures, error } }: { store: StatsStoreHealth }) {
  return (
    <section class={`panel ${state}`} aria-labelledby="store">
      <h2 id="store">Store</h2>
      <p class="state">{state === "failing" ? "Failing: the failure policy decides." : "Working."}</p>
      <dl class="facts">
        <div>
          <dt>Since</dt>
          <dd>{since === null ? "the beginning" : moment(since)}</dd>
        </div>
        <div>
          <dt>Failures</dt>
          <dd>
            {failures === 0
              ? "none"
              : `began to fail ${failures === 1 ? "once" : `${count(failures)} times`}`}
          </dd>
        </div>
        <div>
          <dt>Last error</dt>
          <dd>{error ?? "none"}</dd>
        </div>
      </dl>
      <p class="note">As this instance sees it.</p>
    </section>
  );
}

/** Requests and refusals over time, the share of refusals, clients, and the health of the store. */
export function overviewPage(page: Page, report: StatsReport): JSX.Element {
  const { current_hour, last_24_hours, minutes, hours, store } = report;
  return (
    <Layout page={page} title="Overview" report={report}>
      {store.state === "failing"
        ? (
          <p class="alarm">
            The throttle's <a href="#store">store</a> is failing.
          </p>
        )
        : null}
      <dl class="figures">
        <Figure name="Requests" note="this hour">{brief(current_hour.total_requests)}</Figure>
        <Figure
          name="Refused"
          note={`this hour: ${percent(current_hour.throttled_requests, current_hour.total_requests)}`}
        >
          {brief(current_hour.throttled_requests)}
        </Figure>
        <Figure name="Clients" note="this hour, ± 2 %">{brief(current_hour.unique_ips)}</Figure>
        <Figure name="Requests" note="in 24 hours">{brief(last_24_hours.total_requests)}</Figure>
        <Figure
          name="Refused"
          note={`in 24 hours: ${percent(last_24_hours.throttled_requests, last_24_hours.total_requests)}`}
        >
          {brief(last_24_hours.throttled_requests)}
        </Figure>
        <Figure name="Would refuse" note="in 24 h, shadow">
          {brief(last_24_hours.shadow_throttled_requests)}
        </Figure>
      </dl>
      <div class="charts">
        <RequestsChart
          id="minutes"
          title="By minute, last 60 minutes"
          stepMs={MINUTE_MS}
          slots={minutes.slice(-60)}
        />
        <RequestsChart id="hours" title="By hour, last 24 hours" stepMs={HOUR_MS} slots={hours} />
        <ClientsChart slots={hours} />
        <StoreHealth store={store} />
      </div>
      <p class="note">Times are UTC.</p>
    </Layout>
  );
}
