/**
 * Explains the decision on one request, rule by rule, without charging anything.
 *
 * A throttle loads this module when its `explain` is first called.
 *
 * @module
 */

import type { Identity } from "../context.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { explainAddress } from "./address.ts";
import { type Application, applicationOf, reasonIn } from "./applies.ts";
import type { ExplainedAddress, ExplainedKey, ExplainedRule, Explanation } from "./explanation.ts";
import { isCounted, isKeyless, neededLimit, passesAt, passesText } from "./passes.ts";
import { sentencesOf } from "./sentences.ts";
import type { CheckRule, ExplainTools } from "./tools.ts";

/** Explains one request. */
export type Explain = (request: Request, platform: readonly unknown[]) => Promise<Explanation>;

/** Does a check refuse the request? */
function refuses({ allowed, mode }: RuleCheck): boolean {
  return !allowed && mode === "enforce";
}

/** The exchange of a request that this throttle decided; null if it decided none. */
function decidedExchange(request: Request, own: Exchange, tools: ExplainTools): Exchange | null {
  for (let level = tools.exchangeOf(request) ?? null; level !== null; level = level.outer) {
    if (level.throttle === own.throttle && level.who !== undefined) return level;
  }
  return null;
}

/** Is it a Response? Servers have classes of their own for it. */
function isResponse(found: Identity | Response | null | undefined): found is Response {
  return typeof (found as Response | null | undefined)?.headers?.set === "function";
}

/** Finds the identity, and notes it in the exchange. The result is the reason why rules after authentication are not asked. */
async function authenticated(exchange: Exchange, { authenticate }: ExplainTools): Promise<string | null> {
  try {
    const asks = authenticate !== null && !exchange.matched.isPreflight;
    const found = asks ? await authenticate(exchange) : null;
    exchange.who = isResponse(found) ? null : found || null;
    return isResponse(found) ? `authentication turns the request away with status ${found.status}` : null;
  } catch (error) {
    exchange.who = null;
    return `authentication fails: ${reasonIn(error)}`;
  }
}

/** The rules of a request that was not decided yet, with the verdicts that it would get now. */
async function look(
  exchange: Exchange,
  checkRule: CheckRule,
  tools: ExplainTools,
): Promise<{ applications: Application[]; obstacle: string | null }> {
  exchange.keepAddress();
  const applications = new Map<PreparedRule, Application>();
  const apply = async (stage: PreparedRule["stage"], unasked: string | null): Promise<void> => {
    for (const rule of tools.rules) {
      if (rule.stage !== stage) continue;
      applications.set(rule, await applicationOf(rule, exchange, checkRule, unasked, tools));
    }
  };
  await apply("before-auth", null);
  const obstacle = await authenticated(exchange, tools);
  await apply("after-auth", obstacle);
  const found = tools.rules.map((rule) => applications.get(rule) as Application);
  await tools.askStoreAbout(tools.store, found.flatMap(({ check }) => check ?? []), false);
  return { applications: found, obstacle };
}

/** The rules of a request that was decided, with the verdicts that it got. */
async function recall(
  exchange: Exchange,
  checkRule: CheckRule,
  tools: ExplainTools,
): Promise<{ applications: Application[]; obstacle: string | null }> {
  const { checks, turnedAway } = exchange;
  const obstacle = turnedAway === undefined
    ? null
    : `authentication turned the request away with status ${turnedAway}`;
  const isEarly = checks.some((check) => refuses(check) && check.rule.stage === "before-auth");
  const early = isEarly ? "a rule before authentication refused the request, so that it was not asked" : null;
  const applications: Application[] = [];
  for (const rule of tools.rules) {
    const check = checks.find((check) => check.rule === rule);
    const unasked = rule.stage === "after-auth" ? obstacle ?? early : null;
    const known: CheckRule = check === undefined ? checkRule : () => check;
    const application = await applicationOf(rule, exchange, known, unasked, tools);
    const isUnknown = check === undefined && application.check !== null;
    const because = isUnknown
      ? `${application.because}, but the refusal of another rule was known before it was asked`
      : application.because;
    applications.push({ ...application, because, check: check ?? null, fails: false });
  }
  return { applications, obstacle };
}

function idOf({ who }: Exchange): string | null {
  return typeof who?.id === "string" ? who.id : null;
}

/** Makes the explanation of one rule. */
async function explainRule(
  { rule, applies, because, check }: Application,
  error: unknown,
  { clientLeft }: Exchange,
  tools: ExplainTools,
): Promise<ExplainedRule> {
  const base = { rule: rule.name, applies, because };
  if (check === null || check.source === null) {
    const unknown = {
      key: null,
      decision: null,
      used: null,
      passes: null,
      passesAt: null,
      neededLimit: null,
    };
    return { ...base, ...unknown };
  }
  const { decision } = check;
  const hasKey = !isKeyless(check);
  const limit = !decision.allowed && hasKey ? await neededLimit(check, tools) : null;
  return {
    ...base,
    because: error === undefined ? because : `${because}, but it cannot be counted: ${reasonIn(error)}`,
    key: hasKey ? await keyOf(check, tools) : null,
    decision,
    used: hasKey && isCounted(decision) ? usedOf(check) : null,
    passes: passesText(check, limit, clientLeft),
    passesAt: passesAt(decision),
    neededLimit: limit,
  };
}

/** Whole units in use. The units left are never more than the burst, which may be below the limit. */
function usedOf({ rule, limit, remaining }: RuleCheck): number {
  const capacity = rule.implementation.capacity?.(limit) ?? limit;
  return Math.max(0, Math.min(limit, capacity) - remaining);
}

async function keyOf({ rule, partition, key }: RuleCheck, tools: ExplainTools): Promise<ExplainedKey> {
  return { kind: rule.key.keyName ?? "custom", value: partition, stored: await tools.storedKey(key) };
}

/** Explains the address, or the error of the function that finds it. */
function addressOf(exchange: Exchange, tools: ExplainTools): ExplainedAddress {
  const { request, platform } = exchange;
  try {
    const missing = () => exchange.explainAddress();
    return explainAddress({ request, platform, value: exchange.address, missing }, tools);
  } catch (error) {
    const from = `nowhere, as the option client.address fails: ${reasonIn(error)}`;
    return { value: null, from, peer: tools.peerOf(request, platform), header: null, hop: null };
  }
}

/**
 * Makes the function that explains requests of one throttle.
 *
 * @param tools The parts and functions of the throttle.
 */
export function newExplainer(tools: ExplainTools): Explain {
  /** Errors of rates and costs that cannot be used, by exchange and rule. */
  const errors = new WeakMap<Exchange, Map<PreparedRule, unknown>>();
  const checkRule = tools.compileCheck(tools.rules, tools.clock, (rule, exchange, error) => {
    errors.set(exchange, (errors.get(exchange) ?? new Map()).set(rule, error));
  });

  return async (request, platform) => {
    const fresh = tools.newExchange(request, platform, false);
    const decided = decidedExchange(request, fresh, tools);
    const exchange = decided ?? fresh;
    const { applications, obstacle } = await (decided === null ? look : recall)(exchange, checkRule, tools);
    const rules: ExplainedRule[] = [];
    for (const application of applications) {
      rules.push(
        await explainRule(application, errors.get(exchange)?.get(application.rule), exchange, tools),
      );
    }
    const failing = applications.find(({ fails }) => fails);
    const isRefused = applications.some(({ check }) => check !== null && refuses(check));
    const explanation = {
      allowed: !isRefused && failing === undefined && obstacle === null,
      decided: decided !== null,
      address: addressOf(exchange, tools),
      identity: idOf(exchange),
      rules,
    };
    const why = obstacle ??
      (failing === undefined ? null : `a function of rule "${failing.rule.name}" fails`);
    return { ...explanation, text: sentencesOf(request, explanation, applications, why) };
  };
}
