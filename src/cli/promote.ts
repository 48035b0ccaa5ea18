/**
 * The command `weir promote`: may the trial of a rule take the rule's place?
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { StatsReport, StatsTrial } from "../stats/report.ts";
import { grouped, tableOf } from "./table.ts";
import { required, type Terminal } from "./terminal.ts";

/** The text that `weir promote --help` writes. */
export const PROMOTE_USAGE =
  `May the trial of a rule take the rule's place? Exits 0 if so, else 1, for a pipeline.

Usage:
  weir promote --stats URL|FILE --rule NAME [--max-share 0.1%] [--header 'NAME: VALUE'] [--json FILE|-]

It may where it alone would refuse at most a share of the requests of the last 24 hours: requests that the rule lets pass,
out of all that the rule and its trial both decided.

  --stats URL|FILE   the report of stats(): the address of the dashboard's /stats, a file, or "-" for standard input
  --rule NAME        the rule whose trial it is
  --max-share SHARE  the greatest share, as a percentage; without it 0.1%
  --header TEXT      a header to send with the request for URL; may be given several times
  --json FILE        writes the figures as JSON as well; "-" writes them alone, to standard output
  --help             writes this

Examples:
  weir promote --stats https://api.example/admin/throttle/stats --rule api --header "authorization: Bearer $TOKEN"
  weir promote --stats stats.json --rule api --max-share 0.5%
  curl -s http://127.0.0.1:8000/admin/throttle/stats | weir promote --stats - --rule api --json -

Exit codes: 0 the trial may take the rule's place, 1 it may not, or the report cannot be read or has no request
that both decided, 2 the command was misspelt.
`;

/** The command was misspelt. */
class Misspelt extends Error {}

interface Values {
  readonly stats?: string;
  readonly rule?: string;
  readonly "max-share"?: string;
  readonly header?: string[];
  readonly json?: string;
  readonly help?: boolean;
}

interface ParseArgs {
  parseArgs(config: { args: string[]; options: object; allowPositionals: boolean }): { values: Values };
}

const TEXT = { type: "string" };
const OPTIONS = {
  ...{ stats: TEXT, rule: TEXT, "max-share": TEXT, json: TEXT },
  header: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
};

/** How long the server that has the report may take, in ms. */
const PATIENCE_MS = 30_000;

function parse(args: readonly string[]): Values {
  try {
    const { parseArgs } = required<ParseArgs>("node:util");
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw new Misspelt((error as Error).message);
  }
}

/** A percentage as a share from 0 to 1. */
function shareOf(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?) ?%$/.exec(text.trim()) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  throw new Misspelt(cannot("run weir promote", "--max-share must be a percentage such as 0.1%", text));
}

function headersOf(texts: readonly string[]): Headers {
  const headers = new Headers({ accept: "application/json" });
  for (const text of texts) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
    // The value may be a secret.
    if (name === undefined) throw new Misspelt("--header must be a name, a colon and a value");
    headers.append(name, value);
  }
  return headers;
}

async function textOf(source: string, headers: Headers, terminal: Terminal): Promise<string> {
  if (!/^https?:\/\//i.test(source)) {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of terminal.read(source)) text += decoder.decode(bytes, { stream: true });
    return text + decoder.decode();
  }
  const response = await fetch(source, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(cannot("read statistics", `their server answered ${response.status}`, source));
  }
  return await response.text();
}

async function reportOf(source: string, headers: Headers, terminal: Terminal): Promise<StatsReport> {
  const text = await textOf(source, headers, terminal);
  let report: Partial<StatsReport> | null = null;
  try {
    report = JSON.parse(text);
  } catch {
    // As if it were another JSON.
  }
  if (typeof report?.by_rule === "object" && report.by_rule !== null) return report as StatsReport;
  throw new Error(cannot("read statistics", "they must be the JSON of stats().read()", text.slice(0, 80)));
}

function trialOf({ by_rule }: StatsReport, rule: string): StatsTrial {
  const trial = Object.hasOwn(by_rule, rule) ? by_rule[rule].trial : undefined;
  if (trial !== undefined) return trial;
  const names = Object.keys(by_rule).filter((name) => by_rule[name].trial !== undefined);
  const others = names.length === 0
    ? "no rule has a trial in these statistics"
    : `only these have a trial: ${names.join(", ")}`;
  throw new Error(cannot("judge the trial of this rule", others, rule));
}

/** The judgement on a trial. */
interface Judgement extends StatsTrial {
  readonly rule: string;
  /** May the trial take its rule's place? */
  readonly promote: boolean;
  /** The requests on which both decided. */
  readonly requests: number;
  /** The part of them that only the trial would refuse, 0 to 1; null where there are none. */
  readonly share: number | null;
  readonly maxShare: number;
  /** The clients with the most such requests. */
  readonly clients: readonly { readonly client: string; readonly requests: number }[];
  /** The routes of such requests. */
  readonly routes: readonly { readonly route: string; readonly requests: number }[];
}

function judge(report: StatsReport, rule: string, maxShare: number): Judgement {
  const { both, liveOnly, trialOnly, neither } = trialOf(report, rule);
  const requests = both + liveOnly + trialOnly + neither;
  const share = requests === 0 ? null : trialOnly / requests;
  const { top_trial_only_ips: ips = [], top_trial_only_endpoints: endpoints = [] } = report;
  return {
    rule,
    promote: share !== null && share <= maxShare,
    ...{ requests, share, maxShare, both, liveOnly, trialOnly, neither },
    clients: ips.filter((one) => one.rule === rule).map(({ ip, requests }) => ({ client: ip, requests })),
    routes: endpoints.filter((one) => one.rule === rule)
      .map(({ endpoint, requests }) => ({ route: endpoint, requests })),
  };
}

/** A share as a percentage, with the digits that distinguish it from the greatest. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))}%`;
}

function textOfJudgement(judged: Judgement): string {
  const { rule, promote, requests, share, maxShare, both, liveOnly, trialOnly, neither } = judged;
  if (share === null) {
    return `No request was decided by rule "${rule}" and its trial: do not promote it yet.\n`;
  }
  const table = tableOf(["refused by", "requests"], [
    ["only the trial", trialOnly],
    ["both", both],
    ["only the rule", liveOnly],
    ["neither", neither],
  ]);
  const verdict = promote ? "it may take the rule's place" : "it may not take the rule's place";
  const clients = judged.clients.map(({ client, requests }) => [client, requests]);
  const routes = judged.routes.map(({ route, requests }) => [route, requests]);
  return `The trial of rule "${rule}" alone would refuse ${grouped(trialOnly)} of ${
    grouped(requests)
  } requests (${percent(share)}, at most ${percent(maxShare)}): ${verdict}.\n\n${table}` +
    (clients.length === 0 ? "" : `\n${tableOf(["client, only the trial", "requests"], clients)}`) +
    (routes.length === 0 ? "" : `\n${tableOf(["route, only the trial", "requests"], routes)}`);
}

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { stats, rule, header = [], json, help, ...values } = parse(args);
  if (help) {
    terminal.out(PROMOTE_USAGE);
    return 0;
  }
  if (stats === undefined || rule === undefined) {
    throw new Misspelt("weir promote needs --stats URL|FILE and --rule NAME");
  }
  const maxShare = shareOf(values["max-share"] ?? "0.1%");
  const judged = judge(await reportOf(stats, headersOf(header), terminal), rule, maxShare);
  const lines = `${JSON.stringify(judged, null, 2)}\n`;
  if (json !== undefined && json !== "-") terminal.write(json, lines);
  terminal.out(json === "-" ? lines : textOfJudgement(judged));
  return judged.promote ? 0 : 1;
}

/**
 * Runs `weir promote`.
 *
 * @param args The words after `promote`.
 * @param terminal Where it reads and writes.
 * @returns The exit code: 0 the trial may take its rule's place, 1 it may not, or that cannot be judged, 2 the command was misspelt.
 */
export async function promote(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(args, terminal);
  } catch (error) {
    const isMisspelt = error instanceof Misspelt;
    const hint = isMisspelt ? "\nSee weir promote --help." : "";
    terminal.err(`weir: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
    return isMisspelt ? 2 : 1;
  }
}
