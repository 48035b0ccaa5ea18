/**
 * `weir suggest`: limits from access logs.
 *
 * @module
 */

import { things } from "../dashboard/number_text.ts";
import type { Duration } from "../duration.ts";
import { suggest, type Suggestions, type SuggestKey } from "../replay/suggest.ts";
import type { Command } from "./command.ts";
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
import { suggestPage } from "./suggest_page.tsx";
import { tableOf } from "./table.ts";

/** The figures of suggestions that the command promises as JSON. */
function figuresOf({ requests, suggestions }: Suggestions): object {
  return {
    requests,
    suggestions: suggestions.map(({ key, route, window, clients, p50, p99, p999, max }) => (
      { key, route, window, clients, p50, p99, p999, max }
    )),
  };
}

function textOf({ suggestions, limitations }: Suggestions, paint: Paint): string {
  const rows = suggestions.map(({ key, route, window, clients, p50, p99, p999, max }) => [
    ...[key, route, window, clients, p50, p99, p999, max],
  ]);
  const heading = ["key", "route", "window", "clients", "50 %", "99 %", "99.9 %", "all"];
  const rules = suggestions.map(({ rule, touched, refused }) =>
    `  ${rule},${
      paint.dim(
        ` // would have refused ${things(refused, "request")}; ${things(touched, "client")} ${
          touched === 1 ? "exceeds" : "exceed"
        } it`,
      )
    }\n`
  ).join("");
  return `\n${
    tableOf(heading, rows, paint)
  }\nThe smallest limits that leave this part of the clients untouched. ` +
    `As rules that leave 99.9 %:\n${rules}${
      limitations.map((text) => paint.dim(`\nNote: ${text}`)).join("")
    }\n`;
}

/** A window as a person types it: a number alone is of seconds, as in a rate. */
const windowOf = (text: string): Duration => /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;

/** Values of the options. */
export interface SuggestValues extends LogsValues, FiguresValues, PageValues {
  readonly key?: string[];
  readonly window?: string[];
  readonly route?: string[];
}

/** `weir suggest`. */
export const suggestCommand: Command<SuggestValues> = {
  name: "suggest",
  words: "LOG...",
  summary: "finds in access logs the limits that leave most clients untouched",
  options: {
    key: {
      type: "string",
      multiple: true,
      hint: "ip|user|api-key",
      help: "the key by which requests count together; may be given several times",
    },
    window: { type: "string", multiple: true, hint: "1min", help: "a window; may be given several times" },
    route: {
      type: "string",
      multiple: true,
      hint: "PATTERN",
      help: 'which requests count, as in a rule\'s "on"; may be given several times',
    },
    ...LOGS,
    ...FIGURES,
    ...PAGE,
  },
  examples: [
    "weir suggest /var/log/nginx/access.log*",
    "weir suggest access.log.1.gz access.log --html limits.html",
    'weir suggest access.log --route "POST /login" --window 1min --window 1h',
  ],
  async run(paths, values, terminal) {
    requireTwoPlaces(values);
    const { key, window, route } = values;
    const { log, end } = readLogs("suggest", paths, values, terminal);
    const found = await suggest(log, {
      ...key === undefined ? {} : { keys: key as SuggestKey[] },
      ...window === undefined ? {} : { windows: window.map(windowOf) },
      ...route === undefined ? {} : { routes: route },
    }).finally(end);
    writeFigures(
      values,
      figuresOf(found),
      (paint) => readingText(log) + textOf(found, paint),
      terminal,
      () => suggestPage(found, { logs: paths }),
    );
    return 0;
  },
};
