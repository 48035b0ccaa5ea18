/**
 * The command `weir promote`: may the trial of a rule take the rule's place?
 *
 * @module
 */

import { cannot, shown } from "../cannot.ts";
import { count, things } from "../dashboard/number_text.ts";
import { hidden } from "../options.ts";
import type { StatsReport, StatsTrial } from "../stats/report.ts";
import { type Command, UsageError } from "./command.ts";
import { FIGURES, type FiguresValues, writeFigures } from "./figures.ts";
import { HEADERS, headersOf, type HeadersValues } from "./headers.ts";
import { tableOf } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface PromoteValues extends FiguresValues, HeadersValues {
  readonly stats?: string;
  readonly rule?: string;
  readonly "max-share"?: string;
}

/** How long the server that has the report may take, in ms. */
const PATIENCE_MS = 30_000;

/** A percentage as a share from 0 to 1. */
function shareOf(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?) ?%$/.exec(text.trim()) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  throw new UsageError(cannot("run weir promote", "--max-share must be a percentage such as 0.1%", text));
}

async function textOf(source: string, headers: Headers, terminal: Terminal): Promise<string> {
  if (/^https?:\/\//i.test(source)) return await askServer(source, headers);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of terminal.read(source)) text += decoder.decode(bytes, { stream: true });
  return text + decoder.decode();
}

/** The text of a part of a URL. One that cannot be decoded is taken as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Moves the name and the password in a URL into a header, as some runtimes fetch no URL with them. */
function moveCredentials(url: URL, headers: Headers): void {
  const { username, password } = url;
  if (username === "" && password === "") return;
  url.username = url.password = "";
  if (headers.has("authorization")) return;
  const bytes = new TextEncoder().encode(`${decoded(username)}:${decoded(password)}`);
  headers.set("authorization", `Basic ${btoa(String.fromCharCode(...bytes))}`);
}

async function askServer(source: string, headers: Headers): Promise<string> {
  const refuse = (why: string, text: string): never => {
    throw new Error(cannot("read statistics", why, source, text));
  };
  if (!URL.canParse(source)) return refuse("their address is no URL", hidden(source));
  const url = new URL(source);
  moveCredentials(url, headers);
  // Passwords and tokens are often in an address, and errors in the logs of pipelines.
  const address = shown(url.origin + url.pathname);
  let response: Response;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    // "fetch failed" names neither the server nor the reason, and Deno's reason the whole address.
    const { message, cause } = error as Error;
    const reason = ((cause as Error | undefined)?.message || message).replaceAll(url.search, "");
    return refuse(`their server did not answer (${reason})`, address);
  }
  if (!response.ok) {
    await response.body?.cancel();
    const remedy = [401, 403].includes(response.status) ? ', so give --header "authorization: ..."' : "";
    return refuse(`their server answered ${response.status}${remedy}`, address);
  }
  return await response.text();
}

/** Has it the four counts of a trial? Text for a number would be joined to the others. */
function isTrial(trial: Partial<StatsTrial> | null): boolean {
  return [trial?.both, trial?.liveOnly, trial?.trialOnly, trial?.neither].every(Number.isFinite);
}

/** Is it a report, as far as it is read? */
function isReport(value: Partial<StatsReport> | null): value is StatsReport {
  const { by_rule, top_trial_only_ips = [], top_trial_only_endpoints = [] } = value ?? {};
  return typeof by_rule === "object" && by_rule !== null &&
    Object.values(by_rule).every((rule: { trial?: StatsTrial } | null) =>
      rule !== null && (rule.trial === undefined || isTrial(rule.trial))
    ) && Array.isArray(top_trial_only_ips) && Array.isArray(top_trial_only_endpoints);
}

async function reportOf(source: string, headers: Headers, terminal: Terminal): Promise<StatsReport> {
  const text = await textOf(source, headers, terminal);
  let report: Partial<StatsReport> | null = null;
  try {
    report = JSON.parse(text);
  } catch {
    // As if it were another JSON.
  }
  if (isReport(report)) return report;
  throw new Error(cannot("read statistics", "they must be the JSON of stats().read()", text.slice(0, 80)));
}

function trialOf({ by_rule }: StatsReport, rule: string): StatsTrial {
  const counts = Object.hasOwn(by_rule, rule) ? by_rule[rule] : undefined;
  if (counts?.trial !== undefined) return counts.trial;
  if (counts?.mode === "shadow" && !rule.endsWith("+trial")) {
    const { shadow_refused, requests } = counts;
    const found = `it would have refused ${shadow_refused} of ${requests} requests`;
    throw new Error(
      cannot("judge the trial of this rule", `it is in shadow mode itself, where ${found}`, rule),
    );
  }
  const names = Object.keys(by_rule).filter((name) => by_rule[name].trial !== undefined);
  const others = names.length === 0
    ? "these statistics have no request under a rule with a trial"
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
  return `The trial of rule "${rule}" alone would refuse ${count(trialOnly)} of ${
    things(requests, "request")
  } (${percent(share)}, at most ${percent(maxShare)}): ${verdict}.\n\n${table}` +
    (clients.length === 0 ? "" : `\n${tableOf(["client, only the trial", "requests"], clients)}`) +
    (routes.length === 0 ? "" : `\n${tableOf(["route, only the trial", "requests"], routes)}`);
}

/** `weir promote`. */
export const promoteCommand: Command<PromoteValues> = {
  name: "promote",
  words: "--stats URL|FILE --rule NAME [--max-share 0.1%]",
  summary: "says whether the trial of a rule may take the rule's place; exits with 1 where it may not",
  options: {
    stats: {
      type: "string",
      hint: "URL|FILE",
      help:
        "the JSON of stats().read(): the address of the dashboard's /stats, a file, or - for standard input",
    },
    rule: { type: "string", hint: "NAME", help: "the rule whose trial it is" },
    "max-share": {
      type: "string",
      hint: "SHARE",
      help: "the greatest share of the requests of 24 hours that the trial alone may refuse; without it 0.1%",
    },
    ...HEADERS,
    ...FIGURES,
  },
  examples: [
    'weir promote --stats https://api.example/admin/throttle/stats --rule api --header "authorization: Bearer $TOKEN"',
    "weir promote --stats stats.json --rule api --max-share 0.5%",
    "curl -s http://127.0.0.1:8000/admin/throttle/stats | weir promote --stats - --rule api --json -",
  ],
  async run(words, values, terminal) {
    const { stats, rule } = values;
    if (stats === undefined || rule === undefined || words.length > 0) {
      throw new UsageError("weir promote needs --stats URL|FILE and --rule NAME, and no other words");
    }
    const maxShare = shareOf(values["max-share"] ?? "0.1%");
    const headers = headersOf("promote", values);
    headers.append("accept", "application/json");
    const judged = judge(await reportOf(stats, headers, terminal), rule, maxShare);
    writeFigures(values, judged, () => textOfJudgement(judged), terminal);
    return judged.promote ? 0 : 1;
  },
};
