/**
 * The rules of production at work on a log, by the log's clock.
 *
 * @module
 */

import { Exchange, type ThrottleCore } from "../exchange/exchange.ts";
import { type MaybePromise, rescue, then } from "../maybe.ts";
import { compileMatch, type Match, type Route } from "../rules/match.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import type { Rate } from "../rules/rate.ts";
import type { PreparedRule, Rule } from "../rules/rule.ts";
import { memoryStore } from "../stores/memory/memory_store.ts";
import type { AnsweringStore } from "../stores/store.ts";
import { compileCheck } from "../throttle/compile_check.ts";
import { compileDecide } from "../throttle/decide.ts";
import { prepareOptions, type ThrottleOptions } from "../throttle/options.ts";
import { compileSettlement } from "../throttle/settle.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { Ends } from "./ends.ts";
import type { LoggedRequest } from "./logged_request.ts";
import { ReplayedRequest } from "./replayed_request.ts";
import { ReplayTally } from "./replay_tally.ts";

/** Rules to try. */
export interface RuleSet {
  /** The rules, as `createThrottle` takes them; or a throttle, whose rules are tried. */
  rules: Rate | Rule | readonly (Rate | Rule)[] | Pick<Throttle, "rules" | "check">;
  /**
   * The options of the throttle. `exactPaths` decides as in production; the store is always one in memory that goes by the
   * log's clock, the address and the user are those of the log, and nobody is answered.
   */
  options?: ThrottleOptions;
}

/** More keys than logs have clients. A store for more divides few keys into many parts, which all grow again and again. */
const MAX_KEYS = 4_000_000;

/** An answer of a status; statuses that no handler can give, and none at all, count as 200. */
function responseOf(status: number | undefined): Response {
  const isFinal = status !== undefined && status >= 200 && status <= 599;
  return new Response(null, { status: isFinal ? status : 200 });
}

/** Are these rules a throttle, rather than a list? */
export function isThrottle(rules: unknown): rules is Pick<Throttle, "rules" | "check"> {
  return typeof (rules as Partial<Throttle> | null)?.check === "function";
}

/** Finds the rules of requests once for each method and URL. The rules of OPTIONS depend on headers as well. */
function rememberingMatch(match: Match): (request: Request, target: number) => Route {
  const known: (Route | undefined)[] = [];
  return (request, target) => {
    if (request.method === "OPTIONS") return match(request);
    return known[target] ??= match(request);
  };
}

/** Rules at work on a log. */
export interface Replayer {
  /** Decides the next request, which is not earlier than the last one. Is it refused? */
  decide(logged: LoggedRequest, client: number, target: number): MaybePromise<boolean>;
  readonly tally: ReplayTally;
}

/** The parts of a throttle that decide, by a clock. */
function compileEngine(rules: readonly PreparedRule[], options: ThrottleOptions, clock: () => number) {
  const { exactPaths } = prepareOptions(options);
  const store = memoryStore({ clock, maxKeys: MAX_KEYS }) as AnsweringStore;
  store.prepare?.(rules);
  // An error of a rule's function is thrown, too, and counted there; a rate or a cost that cannot be used refuses.
  const check = compileCheck<Exchange>(rules, clock, () => {});
  const { release, settleByResponse, settleAfterError } = compileSettlement(store, null);
  return {
    match: rememberingMatch(compileMatch(rules, exactPaths)),
    decideStage: compileDecide({ check, store, notifier: null }),
    release,
    settleAfterError,
    /** Corrects the charges of an answered request, and gives its slots back. */
    settle(exchange: Exchange, status: number | undefined): MaybePromise<unknown> {
      const corrected = exchange.matched.counts ? settleByResponse(exchange, responseOf(status)) : undefined;
      return then(corrected, () => release(exchange));
    },
  };
}

/** The part of a throttle that rules see: nothing is held. */
function coreOf(addressOf: () => string | null): ThrottleCore {
  return {
    addressOf,
    explainAddress: () => "the log has none for this request",
    settle: () => undefined,
  } as Partial<ThrottleCore> as ThrottleCore;
}

/** @returns The rules at work, with a store of their own. */
export function compileReplay({ rules, options = {} }: RuleSet): Replayer {
  const prepared = isThrottle(rules) ? rules.rules as readonly PreparedRule[] : prepareRules(rules);
  let now = 0;
  const engine = compileEngine(prepared, options, () => now);
  const { match, decideStage, release, settle, settleAfterError } = engine;
  const tally = new ReplayTally(prepared, MAX_KEYS);
  const ends = new Ends();
  // Of the request that is being decided: the next one waits for it.
  let current: LoggedRequest;
  let currentClient = 0;
  /** Null until the request is matched. */
  let exchange: Exchange | null = null;
  const core = coreOf(() => current.address);

  /** Slots, and charges of rules that count successes, are given back, as where an error answers the request. */
  function fail(error: unknown): MaybePromise<boolean> {
    tally.addFailed(current, currentClient, error);
    return then(exchange === null ? undefined : settleAfterError(exchange), () => false);
  }

  function decideBefore(target: number): MaybePromise<boolean> {
    const request = new ReplayedRequest(current) as unknown as Request;
    exchange = new Exchange(request, [], match(request, target), core, true);
    exchange.keepAddress();
    return then(decideStage(exchange, exchange.matched.before), decideAfter, exchange);
  }

  function decideAfter(refused: boolean, exchange: Exchange): MaybePromise<boolean> {
    exchange.who = current.identity ?? null;
    return then(refused || decideStage(exchange, exchange.matched.after), conclude, exchange);
  }

  /** Charges are corrected, and the slots of a request are given back, at its end: others come in between. */
  function conclude(refused: boolean, exchange: Exchange): MaybePromise<boolean> {
    const { at, durationMs = 0, status } = current;
    tally.add(current, currentClient, exchange, refused);
    const { counts, holds } = exchange.matched;
    if (refused) return holds ? then(release(exchange), () => true) : true;
    if (!counts && !holds) return false;
    ends.add(at + durationMs, () => settle(exchange, status));
    return false;
  }

  /** Decides once the requests that have ended by then have. */
  function decide(logged: LoggedRequest, client: number, target: number): MaybePromise<boolean> {
    return ends.next <= logged.at
      ? then(ends.runUntil(logged.at, (at) => now = Math.max(now, at)), () => attempt(logged, client, target))
      : attempt(logged, client, target);
  }

  function attempt(logged: LoggedRequest, client: number, target: number): MaybePromise<boolean> {
    now = Math.max(now, logged.at);
    current = logged;
    currentClient = client;
    exchange = null;
    return rescue(decideBefore, fail, target);
  }

  return { tally, decide };
}
