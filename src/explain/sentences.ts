/**
 * An explanation as sentences for people.
 *
 * @module
 */

import type { Source } from "../decision.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { type Application, pathOf } from "./applies.ts";
import type { ExplainedRule, Explanation } from "./explanation.ts";
import { grouped, moment, quoted, span } from "./words.ts";

const SOURCES: Readonly<Record<Source, string>> = {
  "store": "The store answered.",
  "deny-cache": "This instance answered, as it remembers the refusal.",
  "lease": "This instance answered, from units that it took ahead.",
  "local": "This instance answered from its own counts, as the store fails.",
  "rule": "The rule answered by itself.",
  "allowed-by-policy": "The failure policy answered, as the store fails.",
  "denied-by-policy": "The failure policy answered, as the request cannot be counted.",
};

/**
 * Units of a limit: " (60 per 1 min)", or by the calendar " (1,000 per month)"; "" where a function has yet to decide the rate, or
 * gave none.
 */
function quotaText({ rule, policy, limit, windowMs, every }: RuleCheck): string {
  if (policy.windowMs === 0) return "";
  return rule.implementation.heldWhileRunning === true
    ? ` (${grouped(limit)} at once)`
    : ` (${grouped(limit)} per ${every ?? span(windowMs)})`;
}

/** The key and the use of a rule that was decided. */
function useText({ key, decision, used }: ExplainedRule, { stateName }: PreparedRule): string {
  const stored = key === null || key.stored === `${stateName}:${key.value}`
    ? ""
    : `, which the store keeps as ${quoted(key.stored)}`;
  const counts = key === null
    ? ""
    : ` It counts by ${key.kind}, under the key ${quoted(key.value)}${stored}.`;
  if (used === null) return counts;
  const { cost, remaining } = decision!;
  return `${counts} ${grouped(used)} in use, ${grouped(remaining)} left; the request costs ${grouped(cost)}.`;
}

/** The verdict of a rule. */
function verdictText({ decision, passes, passesAt, neededLimit }: ExplainedRule, isDecided: boolean): string {
  const { allowed, mode, source, retryAfterMs } = decision!;
  const answered = ` ${SOURCES[source]}`;
  if (allowed) return ` It ${isDecided ? "let" : "lets"} the request pass.${answered}`;
  const refuses = mode === "shadow"
    ? "It is in shadow mode: it would refuse the request"
    : `It ${isDecided ? "refused" : "refuses"} the request`;
  const [first] = passes!.split("; ");
  const when = first.startsWith("never: ")
    ? ` whenever it comes, as ${first.slice("never: ".length)}`
    : `, which ${first}`;
  const wait = passesAt === null ? "" : ` (${span(retryAfterMs)} after the decision)`;
  const change = neededLimit === null
    ? ""
    : `; with a limit of at least ${grouped(neededLimit)} it passes now`;
  return ` ${refuses}${when}${wait}${change}.${answered}`;
}

function ruleText(explained: ExplainedRule, { rule, check }: Application, isDecided: boolean): string {
  const { applies, because, decision } = explained;
  const verb = applies ? "applies" : "does not apply";
  const stage = applies && rule.stage === "after-auth" ? ", after authentication" : "";
  const trial = rule.trialOf
    ? `, which refuses nothing as it is the trial of rule ${quoted(rule.trialOf)},`
    : "";
  if (decision === null) return `Rule ${quoted(rule.name)}${trial} ${verb}${stage}: ${because}.`;
  return `Rule ${quoted(rule.name)}${quotaText(check!)}${trial} ${verb}${stage}: ${because}.` +
    `${useText(explained, rule)}${verdictText(explained, isDecided)}`;
}

/** The verdict on the request as a whole. */
function requestText(
  request: Request,
  { allowed, decided, rules }: Omit<Explanation, "text">,
  obstacle: string | null,
): string {
  const subject = `${quoted(`${request.method} ${pathOf(request.url)}`)}`;
  const [first] = rules.flatMap(({ decision }) => decision ?? []);
  const time = decided ? first === undefined ? "" : ` at ${moment(first.at)}` : " now";
  const verb = decided ? "was" : "would be";
  if (allowed) return `The request ${subject} ${verb} allowed${time}.`;
  const refusing = rules.filter(({ decision }) => decision?.allowed === false && decision.mode === "enforce")
    .map(({ rule }) => quoted(rule));
  const by = refusing.length > 0 ? ` by rule ${refusing.join(" and by rule ")}` : ` as ${obstacle}`;
  return `The request ${subject} ${verb} refused${time}${by}.`;
}

/**
 * The sentences: a line for the request, one for the address, one for the identity, and one for each rule.
 *
 * @param applications The rules of the explanation, in its order, with their checks.
 * @param obstacle The reason why the request does not pass, where no rule refuses it.
 */
export function sentencesOf(
  request: Request,
  explanation: Omit<Explanation, "text">,
  applications: readonly Application[],
  obstacle: string | null,
): string {
  const { address: { value, from }, identity, decided } = explanation;
  return [
    requestText(request, explanation, obstacle),
    value === null
      ? `The request has no address${from.slice("nowhere".length)}.`
      : `The address is ${value}, from ${from}.`,
    ...identity === null ? [] : [`Authentication found the identity ${quoted(identity)}.`],
    ...explanation.rules.map((explained, i) => ruleText(explained, applications[i], decided)),
  ].join("\n");
}
