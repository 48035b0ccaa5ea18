/**
 * `weir explain`: the decision on one request, rule by rule.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { canonicalAddress } from "../client/address.ts";
import type { Explanation } from "../explain/explanation.ts";
import { requestFrom } from "../explain/request_line.ts";
import type { ReplayOptions } from "../replay/replay.ts";
import { isThrottle } from "../replay/replayer.ts";
import { findSettings } from "../throttle/settings.ts";
import { createThrottle, type Throttle } from "../throttle/throttle.ts";
import { type Command, UsageError } from "./command.ts";
import { FIGURES, type FiguresValues, writeFigures } from "./figures.ts";
import { HEADERS, headersOf, type HeadersValues } from "./headers.ts";
import { readRules } from "./rules_file.ts";

/** Values of the options. */
export interface ExplainValues extends FiguresValues, HeadersValues {
  readonly rules?: string;
  readonly address?: string;
}

function refuse(why: string, value: unknown): never {
  throw new UsageError(cannot("run weir explain", why, value));
}

/** The throttle of the rules: the very one that production makes, if the module exports it. */
export function throttleOf({ rules, options }: ReplayOptions): Throttle {
  return isThrottle(rules) ? rules as Throttle : createThrottle(rules, options);
}

/** Does the store see the counts of the servers? Unknown for a throttle of another copy of the package. */
function seesServers(throttle: Throttle): boolean {
  return findSettings(throttle)?.options.store.shared ?? true;
}

function textOf({ text, address }: Explanation, hasPeer: boolean, throttle: Throttle): string {
  const hint = hasPeer || address.value !== null ? "" : "\nNote: --address ADDRESS gives the request one.\n";
  const note = seesServers(throttle)
    ? ""
    : "\nNote: the store of these rules counts for one process, so this one begins with nothing in use. On a server, " +
      "`throttle.explain(request)` and the dashboard show its counts.\n";
  return `${text.split("\n").join("\n\n")}\n${hint}${note}`;
}

/** `weir explain`. */
export const explainCommand: Command<ExplainValues> = {
  name: "explain",
  words: "'METHOD PATH' --rules FILE [--address ADDRESS] [--header 'NAME: VALUE']",
  summary: "explains which rules a request is under, and what they decide; charges nothing",
  options: {
    rules: {
      type: "string",
      hint: "FILE",
      help: "a module that exports rules (default, rules with options, or throttle), or JSON",
    },
    address: { type: "string", hint: "ADDRESS", help: "the peer of the connection: the client, or a proxy" },
    ...HEADERS,
    ...FIGURES,
  },
  examples: [
    "weir explain --rules rules.ts 'POST /login' --address 203.0.113.9",
    "weir explain --rules rules.ts /items/7 --address 10.0.0.1 --header 'x-forwarded-for: 203.0.113.9' --json -",
  ],
  async run(words, values, terminal) {
    const { rules, address } = values;
    if (rules === undefined) throw new UsageError("weir explain needs --rules FILE");
    const line = words.join(" ");
    const request = requestFrom(line, headersOf("explain", values)) ?? refuse(
      'it needs a request that a server can get, such as "POST /login"',
      line,
    );
    const ip = address === undefined ? undefined : canonicalAddress(address) ?? refuse(
      "--address must be an IP address",
      address,
    );
    const throttle = throttleOf(await readRules(rules, terminal));
    const explanation = await throttle.explain(request, ...ip === undefined ? [] : [{ ip }]);
    writeFigures(values, explanation, () => textOf(explanation, ip !== undefined, throttle), terminal);
    return 0;
  },
};
