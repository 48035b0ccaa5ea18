/**
 * `weir replay`: rules tried on access logs.
 *
 * @module
 */

import { count, things } from "../dashboard/number_text.ts";
import { replay } from "../replay/replay.ts";
import type { RuleSet } from "../replay/replayer.ts";
import type { ComparedRules, ReplayReport } from "../replay/replay_report.ts";
import { type Command, UsageError } from "./command.ts";
import {
  FIGURES,
  type FiguresValues,
  PAGE,
  type PageValues,
  requireTwoPlaces,
  writeFigures,
} from "./figures.ts";
import { LOGS, type LogsValues, readingText, readLogs } from "./logs.ts";
import type { Paint } from "./paint.ts";
import { replayPage } from "./replay_page.tsx";
import { readRules } from "./rules_file.ts";
import { printable, tableOf } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The figures of a replay that the command promises as JSON. */
function figuresOf(report: ReplayReport): object {
  const { lines, requests, broken, from, to, clients, refused, refusedClients, failed } = report;
  const { rules, compared } = report;
  return {
    ...{ lines, requests, broken, from, to, clients, refused, refusedClients },
    rules: rules.map(({ rule, asked, refused, clients, refusedClients, worst }) => (
      { rule, asked, refused, clients, refusedClients, worst }
    )),
    ...failed === 0 ? {} : { failed },
    ...compared === undefined ? {} : { compared: compared.map(comparedFigures) },
  };
}

function comparedFigures({ report, ...counts }: ComparedRules): object {
  const { refused, refusedClients, rules } = figuresOf(report) as ReplayReport;
  return { ...counts, refused, refusedClients, rules };
}

function rulesTable({ rules }: ReplayReport, paint: Paint): string {
  return tableOf(
    ["rule", "asked", "refused", "clients", "refused clients", "worst"],
    rules.map((each) => [
      ...[each.mode === "shadow" ? `${each.rule} (shadow)` : each.rule, each.asked, each.refused],
      ...[each.clients, each.refusedClients],
      each.worst.slice(0, 3).map(({ key, refused }) => `${key} (${count(refused)})`).join(", "),
    ]),
    paint,
  );
}

/** The answers of the server itself to the requests and the clients that the rules refuse. */
function serverText({ refusedByStatus, serversRefusals }: ReplayReport): string {
  const statuses = Object.entries(refusedByStatus).sort(([, a], [, b]) => b - a)
    .map(([status, n]) => `${status} (${count(n)})`).join(", ");
  const answers = statuses === "" ? "" : `the server answered the refused requests with ${statuses}\n`;
  return answers +
    serversRefusals.map(({ status, requests, refused, clients, refusedClients }) =>
      `${things(requests, "request")} of ${things(clients, "client")} ${
        requests === 1 ? "was" : "were"
      } answered with ${status}: the rules refuse ${count(refused)} of them, and refuse requests of ${
        count(refusedClients)
      } of these clients\n`
    ).join("");
}

function comparisonText(compared: readonly ComparedRules[], paint: Paint): string {
  const table = tableOf(
    [
      "compared with",
      "refused",
      "refused clients",
      "both refuse",
      "only --rules",
      "only these",
      "clients differ",
    ],
    compared.map(({ name, report, both, onlyRules, onlyThis, differing }) => [
      ...[name, report.refused, report.refusedClients, both, onlyRules, onlyThis, differing],
    ]),
    paint,
  );
  const clients = compared.filter(({ clients }) => clients.length > 0).map(({ name, clients }) => {
    const rows = clients.slice(0, 5).map((client) => [client.key, client.rules, client.this]);
    return `\nwho differs most under ${name}\n${
      tableOf(["client", "refused by --rules", "refused by these"], rows, paint)
    }`;
  });
  return `\n${table}${clients.join("")}`;
}

function textOf(report: ReplayReport, paint: Paint): string {
  const { from, to, refused, refusedClients, clients, limitations, compared } = report;
  const span = from === null ? "" : `from ${from} to ${to}\n`;
  const total = refused === 0 ? paint.green("0") : paint.red(count(refused));
  const noun = refused === 1 ? "request" : "requests";
  const all = `all rules: ${total} ${noun} refused, of ${count(refusedClients)} of ${
    things(clients, "client")
  }\n`;
  return `${span}\n${rulesTable(report, paint)}\n${all}${serverText(report)}${
    compared === undefined ? "" : comparisonText(compared, paint)
  }${limitations.map((text) => paint.dim(`\nNote: ${printable(text)}`)).join("")}\n`;
}

/** Values of the options. */
export interface ReplayValues extends LogsValues, FiguresValues, PageValues {
  readonly rules?: string;
  readonly compare?: readonly string[];
}

/** Sets of rules by the names of their files. */
async function readSets(paths: readonly string[], terminal: Terminal): Promise<Record<string, RuleSet>> {
  const sets: Record<string, RuleSet> = {};
  for (const path of paths) sets[path] = await readRules(path, terminal);
  return sets;
}

/** `weir replay`. */
export const replayCommand: Command<ReplayValues> = {
  name: "replay",
  words: "LOG... --rules FILE",
  summary: "replays access logs under rules: which requests would have been refused, of whom",
  options: {
    rules: {
      type: "string",
      hint: "FILE",
      help: "a module that exports rules (default, rules with options, or throttle), or JSON",
    },
    compare: {
      type: "string",
      multiple: true,
      hint: "FILE",
      help: "other rules to try in the same pass, to see who differs; may be given several times",
    },
    ...LOGS,
    ...FIGURES,
    ...PAGE,
  },
  examples: [
    "weir replay /var/log/nginx/access.log --rules rules.mjs",
    "weir replay access.log* --rules rules.mjs --compare stricter.mjs --html replay.html",
    "zcat access.log.*.gz | weir replay - --rules rules.mjs --json -",
    "weir replay app.ndjson --rules rules.mjs --field start=when --field address=visitor.ip",
  ],
  async run(paths, values, terminal) {
    requireTwoPlaces(values);
    if (values.rules === undefined) throw new UsageError("weir replay needs --rules FILE");
    const { log, end } = readLogs("replay", paths, values, terminal);
    const rules = await readRules(values.rules, terminal);
    const compare = await readSets(values.compare ?? [], terminal);
    const report = await replay(log, { ...rules, compare }).finally(end);
    writeFigures(
      values,
      figuresOf(report),
      (paint) => readingText(log) + textOf(report, paint),
      terminal,
      () => replayPage(report, { rules: values.rules as string, logs: paths }),
    );
    return 0;
  },
};
