/**
 * `weir replay`: rules tried on access logs.
 *
 * @module
 */

import { replay } from "../replay/replay.ts";
import type { ReplayReport } from "../replay/replay_report.ts";
import { type Command, UsageError } from "./command.ts";
import { FIGURES, type FiguresValues, writeFigures } from "./figures.ts";
import { LOGS, type LogsValues, readingText, readLogs } from "./logs.ts";
import { readRules } from "./rules_file.ts";
import { grouped, tableOf } from "./table.ts";

/** The figures of a replay that the command promises as JSON. */
function figuresOf(report: ReplayReport): object {
  const { lines, requests, broken, from, to, clients, refused, refusedClients, rules } = report;
  return {
    ...{ lines, requests, broken, from, to, clients, refused, refusedClients },
    rules: rules.map(({ rule, asked, refused, clients, refusedClients, worst }) => (
      { rule, asked, refused, clients, refusedClients, worst }
    )),
  };
}

function textOf(report: ReplayReport): string {
  const { from, to, refused, refusedClients, clients, rules, limitations } = report;
  const table = tableOf(
    ["rule", "asked", "refused", "clients", "refused clients", "worst"],
    rules.map((each) => [
      ...[each.mode === "shadow" ? `${each.rule} (shadow)` : each.rule, each.asked, each.refused],
      ...[each.clients, each.refusedClients],
      each.worst.slice(0, 3).map(({ key, refused }) => `${key} (${grouped(refused)})`).join(", "),
    ]),
  );
  const span = from === null ? "" : `from ${from} to ${to}\n`;
  const all = `all rules: ${grouped(refused)} requests refused, of ${grouped(refusedClients)} of ${
    grouped(clients)
  } clients\n`;
  return `${span}\n${table}\n${all}${limitations.map((text) => `\nNote: ${text}`).join("")}\n`;
}

/** Values of the options. */
export interface ReplayValues extends LogsValues, FiguresValues {
  readonly rules?: string;
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
    ...LOGS,
    ...FIGURES,
  },
  examples: [
    "weir replay /var/log/nginx/access.log --rules rules.mjs",
    "zcat access.log.*.gz | weir replay - --rules rules.mjs --json -",
  ],
  async run(paths, values, terminal) {
    if (values.rules === undefined) throw new UsageError("weir replay needs --rules FILE");
    const log = readLogs("replay", paths, values, terminal);
    const report = await replay(log, await readRules(values.rules, terminal));
    writeFigures(values, figuresOf(report), () => readingText(log) + textOf(report), terminal);
    return 0;
  },
};
