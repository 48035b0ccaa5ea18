/**
 * The page of a replay.
 *
 * @module
 */

import { Bar } from "../dashboard/bar.tsx";
import { Chart } from "../dashboard/chart.tsx";
import { Figure } from "../dashboard/figure.tsx";
import { brief, clock, count, moment, percent, span, things } from "../dashboard/number_text.ts";
import { Table } from "../dashboard/table.tsx";
import type { ComparedRules, ReplayedRule, ReplayReport } from "../replay/replay_report.ts";
import { documentOf, Limitations } from "./document.tsx";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

/** A time of a log: by the day where it has several, and by the year where it has those. */
function timeTextFor({ from, to }: ReplayReport): (at: number) => string {
  const spanMs = from === null || to === null ? 0 : Date.parse(to) - Date.parse(from);
  const day = (at: number): string => new Date(at).toISOString().split("T")[0];
  if (spanMs >= YEAR_MS) return day;
  return (at) => spanMs >= DAY_MS ? `${day(at).slice(5)} ${clock(at)}` : clock(at);
}

/** All spans from the first to the last step, those without a request too. */
function spansOf({ overTime: { stepMs, steps } }: ReplayReport) {
  const known = new Map(steps.map((step) => [Date.parse(step.at), step]));
  const starts = steps.map(({ at }) => Date.parse(at));
  const first = starts[0] ?? 0;
  const length = starts.length === 0 ? 0 : (starts[starts.length - 1] - first) / stepMs + 1;
  return Array.from({ length }, (_, i) => {
    const start = first + i * stepMs;
    return { start, asked: known.get(start)?.asked ?? 0, refused: known.get(start)?.refused ?? 0 };
  });
}

function OverTimeCharts({ report }: { report: ReplayReport }) {
  const spans = spansOf(report);
  if (spans.length === 0) return null;
  const { stepMs } = report.overTime;
  const shared = { stepMs, starts: spans.map(({ start }) => start), timeText: timeTextFor(report) };
  const refused = {
    name: "would be refused",
    look: "refused",
    values: spans.map(({ refused }) => refused),
  } as const;
  return (
    <div class="charts">
      <Chart
        id="requests"
        title={`Requests, per ${span(stepMs)}`}
        series={[{ name: "requests", look: "total", values: spans.map(({ asked }) => asked) }, refused]}
        {...shared}
      />
      <Chart id="refused" title={`Would be refused, per ${span(stepMs)}`} series={[refused]} {...shared} />
    </div>
  );
}

function Named({ name, refused, most }: { name: string; refused: number; most: number }) {
  return (
    <>
      <code>{name}</code>
      <Bar whole={most} parts={[["refused", refused]]} />
    </>
  );
}

function RuleTables({ rule }: { rule: ReplayedRule }) {
  const { worst, byRoute } = rule;
  return (
    <>
      <Table
        caption={`Rule ${rule.rule}: refused by route`}
        head={["Route", "Refused"]}
        rows={byRoute.map(({ route, refused }) => [
          <Named name={route} refused={refused} most={byRoute[0].refused} />,
          count(refused),
        ])}
        empty="Nothing would have been refused."
      />
      <Table
        caption={`Rule ${rule.rule}: refused by client`}
        head={["Key", "Refused"]}
        rows={worst.map(({ key, refused }) => [
          <Named name={key === "" ? "all together" : key} refused={refused} most={worst[0].refused} />,
          count(refused),
        ])}
        empty="Nobody would have been refused."
      />
    </>
  );
}

function RulesTable({ rules }: { rules: readonly ReplayedRule[] }) {
  return (
    <Table
      caption="By rule"
      head={["Rule", "Asked", "Refused", "Clients", "Refused clients"]}
      rows={rules.map(({ rule, mode, asked, refused, clients, refusedClients }) => [
        <>
          {rule} {mode === "shadow" ? <span class="badge shadow">shadow</span> : null}
          <Bar whole={asked} parts={[["refused", refused], ["total", asked - refused]]} />
        </>,
        count(asked),
        <>
          {count(refused)} <small>{percent(refused, asked)}</small>
        </>,
        count(clients),
        <>
          {count(refusedClients)} <small>{percent(refusedClients, clients)}</small>
        </>,
      ])}
    />
  );
}

function ServerTable({ report: { serversRefusals } }: { report: ReplayReport }) {
  return (
    <Table
      caption="The server's own refusals in the log"
      head={["Status", "Requests", "Of them refused", "Clients", "Of them refused"]}
      rows={serversRefusals.map(({ status, requests, refused, clients, refusedClients }) => [
        String(status),
        ...[requests, refused, clients, refusedClients].map(count),
      ])}
      empty="The server answered no request with 401, 403 or 429."
    />
  );
}

function ComparedTables({ compared }: { compared: ComparedRules }) {
  const { name, report, both, onlyRules, onlyThis, differing, clients, routes } = compared;
  const sides = ["Refused by the rules", `Refused by ${name}`];
  return (
    <>
      <Table
        caption={`Compared with ${name}`}
        head={["Requests refused", "Requests"]}
        rows={[
          ["by both", count(both)],
          ["only by the rules", count(onlyRules)],
          [`only by ${name}`, count(onlyThis)],
          [`by ${name} in all`, count(report.refused)],
          ["clients for whom they differ", count(differing)],
        ]}
      />
      <Table
        caption={`Clients that differ most under ${name}`}
        head={["Client", ...sides]}
        rows={clients.map((client) => [<code>{client.key}</code>, count(client.rules), count(client.this)])}
        empty="No client differs."
      />
      <Table
        caption={`Routes that differ most under ${name}`}
        head={["Route", ...sides]}
        rows={routes.map((route) => [<code>{route.route}</code>, count(route.rules), count(route.this)])}
        empty="No route differs."
      />
    </>
  );
}

/**
 * The page of a replay, as one file.
 *
 * @param files The names of the rules and of the logs.
 */
export function replayPage(
  report: ReplayReport,
  files: { readonly rules: string; readonly logs: readonly string[] },
): string {
  const { requests, refused, clients, refusedClients, broken, from, to, rules, worst, compared = [] } =
    report;
  const when = from === null || to === null
    ? "no request"
    : `${moment(Date.parse(from))} to ${moment(Date.parse(to))}`;
  return documentOf(
    "Replay of a log",
    `${files.rules} on ${files.logs.join(", ")}, ${when}.`,
    <>
      <dl class="figures">
        <Figure name="Requests" note={`${things(broken, "line")} ${broken === 1 ? "is" : "are"} none`}>
          {brief(requests)}
        </Figure>
        <Figure name="Would be refused" note={percent(refused, requests)}>{brief(refused)}</Figure>
        <Figure name="Clients" note="addresses">{brief(clients)}</Figure>
        <Figure name="Refused clients" note={percent(refusedClients, clients)}>
          {brief(refusedClients)}
        </Figure>
      </dl>
      <OverTimeCharts report={report} />
      <RulesTable rules={rules} />
      <Table
        caption="Refused by client, all rules"
        head={["Address", "Requests", "Refused"]}
        rows={worst.map((client) => [
          <Named name={client.key} refused={client.refused} most={worst[0].refused} />,
          count(client.requests),
          count(client.refused),
        ])}
        empty="Nobody would have been refused."
      />
      {rules.map((rule) => <RuleTables rule={rule} />)}
      {compared.map((each) => <ComparedTables compared={each} />)}
      <ServerTable report={report} />
      <Limitations of={report.limitations} />
    </>,
  );
}
