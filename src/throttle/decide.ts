/**
 * A request's way to its verdict: the rules before authentication, authentication, the rules after it. Each stage asks every
 * rule for its check, then the store once for all checks.
 *
 * @module
 */

import type { Authenticate } from "../auth/authenticate.ts";
import type { Identity } from "../context.ts";
import { refuses } from "../decision.ts";
import { type Exchange, sortChecks } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import { isResponse } from "../exchange/response.ts";
import { all, gather, isPromise, later, type MaybePromise, rescue, then } from "../maybe.ts";
import type { Notifier } from "../observers/notify.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Checker } from "./compile_check.ts";
import { askStoreAbout, needsLook } from "./over_burst.ts";
import { waitUntil } from "../exchange/wait_until.ts";

/** Decides some rules at once, all or nothing, and notes their checks in the exchange. Does any of them refuse? */
export type Decide = (exchange: Exchange, rules: readonly PreparedRule[]) => MaybePromise<boolean>;

/** The parts of a throttle that decide a stage. */
export interface DecideOptions {
  readonly check: Checker<Exchange>;
  readonly store: AnsweringStore;
  readonly notifier: Notifier | null;
}

const isCheck = (check: RuleCheck | null): check is RuleCheck => check !== null;
const isDecided = ({ source }: RuleCheck): boolean => source !== null;

function announceSkipped(
  notifier: Notifier,
  checks: readonly (RuleCheck | null)[],
  exchange: Exchange,
): void {
  const rules = exchange.who === undefined ? exchange.matched.before : exchange.matched.after;
  checks.forEach((check, i) => check === null && notifier.skipped(exchange, rules[i].name));
}

/** @returns The function that decides a stage. */
export function compileDecide({ check, store, notifier }: DecideOptions): Decide {
  const { background } = store;

  function decide(exchange: Exchange, rules: readonly PreparedRule[]): MaybePromise<boolean> {
    if (rules.length === 0) return false;
    const checks = gather(rules, check, exchange);
    for (const made of checks) {
      // Most are open. None of them is asked whether it is a promise: that takes long where it is asked of many kinds of objects.
      if ((made as RuleCheck | null)?.source !== null) return then(all(checks), askForSome, exchange);
    }
    exchange.asked = checks as readonly RuleCheck[];
    const answered = store.answer(exchange.asked, exchange.spend);
    return isPromise(answered) ? later(answered, conclude, exchange) : conclude(answered, exchange);
  }

  /** Some rules may skip the request, or refuse it by themselves; or their checks came later. */
  function askForSome(checks: readonly (RuleCheck | null)[], exchange: Exchange): MaybePromise<boolean> {
    if (notifier !== null && exchange.spend) announceSkipped(notifier, checks, exchange);
    const asked = checks.filter(isCheck);
    const refusing = asked.filter(isDecided).filter(refuses);
    const isRefused = refusing.length > 0;
    const trial = asked.find(({ rule }) => refusing.length === 1 && rule.trialOf === refusing[0].rule.name);
    // Where nothing is left to look at, of the other rules the trial alone has to know.
    const isOver = isRefused && !refusing.some(needsLook);
    exchange.asked = isOver ? asked.filter((check) => check === trial || refusing.includes(check)) : asked;
    const others = isOver && !trial ? [] : asked.filter((check) => check !== trial);
    // The store charges nothing beside a refusal: the trial of the rule that refuses is asked about alone.
    const answered = then(
      askStoreAbout(store, others, exchange.spend && !isRefused),
      () => trial && askStoreAbout(store, [trial], exchange.spend && others.filter(refuses).length === 1),
    );
    return then(answered, conclude, exchange);
  }

  /** Sums the verdicts up. Is the request refused? */
  function conclude(_: void, exchange: Exchange): boolean {
    const { asked, spend } = exchange;
    // `refuserOf`, in the loop that looks at every check in any case.
    let refuser: string | undefined;
    let isComplete = true;
    for (const check of asked) {
      if (check.source === null) isComplete = false;
      else if (refuses(check)) refuser = refuser === undefined ? check.rule.name : "";
    }
    // The deny cache answers with the refusing rules alone.
    const decided = isComplete ? asked : asked.filter(isDecided);
    if (!spend || refuser !== undefined) {
      for (const check of decided) {
        if (check.allowed) check.free = !spend || refuser !== check.rule.trialOf;
      }
    }
    if (background !== undefined) waitUntil(exchange.platform, background());
    exchange.checks = exchange.checks.length === 0 ? decided : [...exchange.checks, ...decided];
    return refuser !== undefined;
  }

  return decide;
}

/** The parts of a throttle that both stages need. */
export interface EnterOptions {
  readonly authenticate: Authenticate | null;
  readonly notifier: Notifier | null;
  readonly decide: Decide;
  /** Answers a refused request. */
  readonly refuse: (exchange: Exchange) => MaybePromise<Response>;
  /** Sends the response that authentication gave instead of an identity. */
  readonly turnAway: (response: Response, exchange: Exchange) => MaybePromise<Response>;
}

/** @returns The function that decides a request: null when the request may pass, else its answer. */
export function compileEnter(
  { authenticate, notifier, decide, refuse, turnAway }: EnterOptions,
): (exchange: Exchange) => MaybePromise<Response | null> {
  function enter(exchange: Exchange): MaybePromise<Response | null> {
    notifier?.start(exchange);
    const refused = decide(exchange, exchange.matched.before);
    const answer = isPromise(refused) ? later(refused, next, exchange) : next(refused, exchange);
    if (exchange.matched.counts || isPromise(answer)) exchange.keepAddress();
    return answer;
  }

  function identify(refused: boolean, exchange: Exchange): MaybePromise<Response | null> {
    if (refused) return refuse(exchange);
    if (authenticate === null || exchange.matched.isPreflight) return decideAfter(false, exchange);
    notifier?.pause(exchange);
    return then(rescue(authenticate, authenticationFailed, exchange), authenticated, exchange);
  }

  function authenticationFailed(error: unknown, exchange: Exchange): Response {
    // Nobody waits for it.
    if (exchange.clientLeft) {
      return new Response(null, { status: 429, headers: { "cache-control": "no-store" } });
    }
    notifier?.error(exchange, null, error);
    throw error;
  }

  function authenticated(
    found: Identity | Response | null,
    exchange: Exchange,
  ): MaybePromise<Response | null> {
    notifier?.start(exchange);
    if (isResponse(found)) return turnAway(found, exchange);
    exchange.who = found || null;
    return decideAfter(false, exchange);
  }

  function decideAfter(refused: boolean, exchange: Exchange): MaybePromise<Response | null> {
    if (refused) return refuse(exchange);
    exchange.who ??= null;
    const { after } = exchange.matched;
    // Most throttles have no rule of this stage, and `decide` is asked for each request.
    const refusedAfter = after.length > 0 && decide(exchange, after);
    return isPromise(refusedAfter) ? later(refusedAfter, pass, exchange) : pass(refusedAfter, exchange);
  }

  function pass(refused: boolean, exchange: Exchange): MaybePromise<Response | null> {
    if (exchange.matched.hasBothStages) sortChecks(exchange);
    if (refused) return refuse(exchange);
    notifier?.verdict(exchange, false);
    return null;
  }

  const next = authenticate === null ? decideAfter : identify;
  return enter;
}

/** @returns The function that decides a request without spending anything: one decision per rule that applies, in rule order. */
export function compilePeek(
  decide: Decide,
  authenticate: Authenticate | null,
): (exchange: Exchange) => MaybePromise<readonly RuleCheck[]> {
  function identify(_: boolean, exchange: Exchange): MaybePromise<Identity | Response | null> {
    return exchange.matched.isPreflight || authenticate === null ? null : authenticate(exchange);
  }

  function decideAfter(found: Identity | Response | null, exchange: Exchange): MaybePromise<boolean> {
    exchange.who = isResponse(found) ? null : found || null;
    return isResponse(found) ? false : decide(exchange, exchange.matched.after);
  }

  function show(_: boolean, exchange: Exchange): readonly RuleCheck[] {
    if (exchange.matched.hasBothStages) sortChecks(exchange);
    return exchange.checks;
  }

  return (exchange) => {
    exchange.keepAddress();
    const identified = then(decide(exchange, exchange.matched.before), identify, exchange);
    return then(then(identified, decideAfter, exchange), show, exchange);
  };
}
