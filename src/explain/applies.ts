/**
 * The reasons why a rule applies to a request, or does not.
 *
 * @module
 */

import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { CheckRule, ExplainTools } from "./tools.ts";
import { quoted } from "./words.ts";

/** A rule's check, or the reason why there is none. */
export interface Application {
  readonly rule: PreparedRule;
  readonly applies: boolean;
  readonly because: string;
  /** Null if the rule does not apply, or fails. */
  readonly check: RuleCheck | null;
  /** Does a function of the rule throw, so that the request fails? */
  readonly fails: boolean;
}

/** The text of a thrown value, to be followed by a full stop: `messageOf` once more, as this folder imports no code. */
export function reasonIn(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : error;
    if (text !== undefined) return String(text).replace(/\.$/, "");
  } catch {
    // As if nothing had been thrown.
  }
  return "it gave no reason";
}

/** A rule that does not apply. */
function skipped(rule: PreparedRule, because: string): Application {
  return { rule, applies: false, because, check: null, fails: false };
}

/** The patterns of a rule in a sentence. */
function patternsOf({ on }: PreparedRule): string {
  return on.length === 1
    ? `its pattern is ${quoted(on[0])}`
    : `its patterns are ${on.map((text) => quoted(text)).join(", ")}`;
}

/** The rules that a request is under. */
function rulesOf({ matched: { before, after } }: Exchange): readonly PreparedRule[] {
  return [...before, ...after];
}

/** The reason why a request is not under a rule. */
function unmatched(rule: PreparedRule, exchange: Exchange, tools: ExplainTools): string {
  const { request, platform, matched } = exchange;
  const { method, url, headers } = request;
  if (rule.patterns?.length === 0) return "its list of patterns is empty, so no request is under it";
  if (matched.isPreflight) {
    return rule.patterns === null
      ? "the request is a CORS preflight, which only rules with OPTIONS in a pattern count"
      : `the request is a CORS preflight, and ${patternsOf(rule)}`;
  }
  const methods = rule.patterns?.flatMap(({ methods }) => methods ?? []) ?? [];
  const isOfPath = methods.some((other) => {
    // The same URL with a method of the rule: no handler sees this object.
    const alike = { method: other, url, headers } as Request;
    return rulesOf(tools.newExchange(alike, platform, false)).includes(rule);
  });
  return isOfPath
    ? `the method is ${method}, and ${patternsOf(rule)}`
    : `the path is ${quoted(pathOf(url))}, and ${patternsOf(rule)}`;
}

/** The path of a URL without its query, which may hold secrets. */
export function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "") || "/";
}

/** The reason why a request is under a rule. */
function matching(rule: PreparedRule): string {
  if (rule.patterns === null) return "it is for every request";
  const [one, ...others] = rule.on.map((text) => quoted(text));
  return others.length === 0
    ? `the request matches its pattern ${one}`
    : `the request matches one of its patterns ${[one, ...others].join(", ")}`;
}

/** The reason of a key that is null. */
function nullKey({ key }: PreparedRule, { who, address, request }: Exchange): string {
  const { keyName = "custom" } = key;
  const [, header] = /^header-(.+)$/.exec(keyName) ?? [];
  const known = keyName === "ip"
    ? address === null ? "the request has no address" : who ? "it counts anonymous requests alone" : null
    : key.needsIdentity && !who
    ? "nobody is authenticated"
    : header !== undefined && !request.headers.get(header)
    ? `the request has no header ${header}`
    : null;
  return `its key (${keyName}) is null${known === null ? "" : `: ${known}`}`;
}

/** The reason why a rule that matches has no check. */
async function skipReason(rule: PreparedRule, exchange: Exchange, tools: ExplainTools): Promise<string> {
  if (rule.unless !== null && await rule.unless(exchange)) return "its `unless` exempts the request";
  const partition = await tools.partitionOf(rule.key)(exchange);
  const { keyName = "custom" } = rule.key;
  if (typeof partition === "symbol") return `its key (${keyName}) exempts the client`;
  return partition === null ? nullKey(rule, exchange) : "its rate is null, so it does not limit the request";
}

/**
 * Makes a rule's check of a request, or finds the reason why there is none.
 *
 * @param rule The rule.
 * @param exchange The request's exchange.
 * @param checkRule Makes the check.
 * @param unasked The reason why a rule that matches is not asked; null if it is.
 * @param tools The functions of the throttle.
 */
export async function applicationOf(
  rule: PreparedRule,
  exchange: Exchange,
  checkRule: CheckRule,
  unasked: string | null,
  tools: ExplainTools,
): Promise<Application> {
  if (!rulesOf(exchange).includes(rule)) return skipped(rule, unmatched(rule, exchange, tools));
  if (unasked !== null) return skipped(rule, unasked);
  try {
    const check = await checkRule(rule, exchange);
    if (check === null) return skipped(rule, await skipReason(rule, exchange, tools));
    return { rule, applies: true, because: matching(rule), check, fails: false };
  } catch (error) {
    const because = `${matching(rule)}, but a function of the rule fails: ${reasonIn(error)}`;
    return { rule, applies: true, because, check: null, fails: true };
  }
}
