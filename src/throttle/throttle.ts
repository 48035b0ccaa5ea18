/**
 * The throttle: the path of a request, top to bottom.
 *
 * @module
 */

import { warnAboutRules } from "./warnings.ts";
import { compileNotifier } from "../observers/notify.ts";
import { compileCheck } from "./compile_check.ts";
import type { Identity } from "../context.ts";
import { onBodyEnd, withBody } from "../exchange/body_end.ts";
import { compileClient } from "../client/client.ts";
import { explainMissing } from "../client/missing.ts";
import { compileDecide } from "./decide.ts";
import type { Decision } from "../decision.ts";
import { compileHeaders, isResponse, markRefusal, withHeaders, withOwnHeaders } from "./write_headers.ts";
import { usageReader } from "./usage.ts";
import { absoluteTarget } from "../exchange/absolute_target.ts";
import { compileMatch, joinRoutes, UNTOUCHED } from "../rules/match.ts";
import { isPromise, later, type MaybePromise, rescue, rescued, then } from "../maybe.ts";
import { prepareOptions, type ThrottleOptions } from "./options.ts";
import type { Outcome } from "../outcome.ts";
import type { Rate } from "../rules/rate.ts";
import { cannot, shown } from "../cannot.ts";
import { requireRequest } from "../exchange/require_request.ts";
import { forbidStoring } from "../rejections/denial.ts";
import { makesFresh } from "../rejections/rejection.ts";
import { type CompiledRule, type Rule } from "../rules/rule.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import { compileSettlement, holds, waitUntil } from "./settle.ts";
import { withSettings } from "./settings.ts";
import { guard } from "../stores/wrappers/guard.ts";
import { attach, Exchange, type ThrottleCore } from "../exchange/exchange.ts";
import { TripOutcome } from "../exchange/exchange_outcome.ts";

/**
 * A handler as servers call it: the request, and what the server passes beside it. It answers with a Response, or with nothing
 * where it took the connection over (`server.upgrade(request)` of Bun).
 */
export type Handler<Rest extends unknown[], Answer = Response> = (
  request: Request,
  ...rest: Rest
) => MaybePromise<Answer>;

/** Rules at work. */
export interface Throttle {
  /** The handler, throttled. */
  wrap<Rest extends unknown[], Given extends Response | undefined | void = Response>(
    handler: Handler<Rest, Given>,
  ): Handler<Rest, Response | Exclude<Given, Response>>;
  /** Decides a request without a handler, for frameworks: answer with `response`, or pass your own through `label`. */
  check(request: Request, ...platform: unknown[]): MaybePromise<Outcome>;
  /** Would the request pass now? Spends nothing. One decision per rule that applies, in rule order. */
  peek(request: Request, ...platform: unknown[]): MaybePromise<readonly Decision[]>;
  /**
   * What a rule would say to one more request of a key. Spends nothing.
   *
   * @param rule The rule's name.
   * @param key The string that the rule's key function gives, taken literally; or a request to derive it from.
   * @throws {TypeError} When there is no such rule, the rule skips the request, or its rate depends on a request and none is given.
   */
  usage(rule: string, key: string | Request): MaybePromise<Decision>;
  /**
   * Forgets what a key used under a rule, its block included.
   *
   * @param rule The rule's name.
   * @param key As for {@link Throttle.usage}.
   * @throws {TypeError} When there is no such rule, the rule skips the request, or the store cannot forget.
   */
  reset(rule: string, key: string | Request): MaybePromise<void>;
  /** The rules, as compiled. */
  readonly rules: readonly CompiledRule[];
}

/** Servers mostly pass one thing beside the request; to spread a list, be it of one, takes some engines as long as all else here. */
function hand<Rest extends unknown[]>(handler: Handler<Rest>, exchange: Exchange): MaybePromise<Response> {
  const platform = exchange.platform as unknown as Rest;
  if (platform.length !== 1) return handler(exchange.request, ...platform);
  return (handler as Handler<unknown[]>)(exchange.request, platform[0]);
}

/**
 * Makes a throttle of rules, to wrap handlers with, or to ask.
 *
 * @param rules One rule or rate, or several: every one that matches a request must allow it.
 * @param options See {@link ThrottleOptions}.
 * @returns The throttle.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used, in a sentence with the value.
 *
 * @example Ask without a handler
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle("1/min", { client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).response?.status, 429);
 * ```
 */
export function createThrottle(
  rules: Rate | Rule | readonly (Rate | Rule)[],
  options: ThrottleOptions = {},
): Throttle {
  const prepared = prepareRules(rules);
  const settings = prepareOptions(options);
  const { client, authenticate, headers, sendHeaders, reject, observers, revealKeys } = settings;
  const store = guard(settings, prepared);
  const clock = store.clock ?? Date.now;
  const match = compileMatch(prepared, settings.exactPaths);
  const notifier = compileNotifier(observers, clock, revealKeys);
  const checkers = prepared.map((rule) =>
    compileCheck<Exchange>(
      rule,
      clock,
      (rule, exchange, error) => notifier?.error(exchange, rule.name, error),
    )
  );
  const headerWriters = compileHeaders(prepared, headers);
  const rejectsFresh = makesFresh(reject);
  const mark = Symbol("weir.labelled");
  const decide = compileDecide({ asks: checkers, store, notifier });
  const { settle, release, settleByResponse: count, settleAfterError: fail } = compileSettlement(
    store,
    notifier,
  );
  warnAboutRules(prepared, authenticate, settings.store, sendHeaders === "never" ? null : headers);
  store.prepare?.(prepared);
  if (notifier !== null) store.observe?.(notifier.store);

  const throttle: ThrottleCore = {
    addressOf: compileClient(client),
    explainAddress: (request, platform) => explainMissing(client, request, platform),
    settle(exchange, name, cost) {
      const check = exchange.checks.find(({ rule }) => rule.name === name);
      if (check === undefined) return prepared.some((rule) => rule.name === name) ? undefined : false;
      const settled = settle(exchange, check, cost);
      waitUntil(exchange.platform, settled);
      return settled;
    },
  };

  function tripFor(request: Request, platform: readonly unknown[], spend: boolean): Exchange {
    const matched = match(request);
    const url = absoluteTarget(platform);
    const either = url === null
      ? matched
      : joinRoutes(matched, match({ method: request.method, url, headers: request.headers }));
    return new Exchange(request, platform, either, throttle, spend);
  }

  // ---- both stages, with authentication between them ---------------------------------------------

  /** Decides a request: null when it may pass, else the answer to it. */
  function enter(exchange: Exchange): MaybePromise<Response | null> {
    attach(exchange);
    notifier?.start(exchange);
    const refused = decide(exchange, exchange.matched.before);
    const answer = isPromise(refused) ? later(refused, identify, exchange) : identify(refused, exchange);
    if (exchange.matched.counts || isPromise(answer)) exchange.keepAddress();
    return answer;
  }

  /** What throws on the way, or in the handler, ends the exchange: nothing is held any more. */
  function failed(error: unknown, exchange: Exchange): MaybePromise<never> {
    exchange.ended = true;
    return then(fail(exchange), () => {
      throw error;
    });
  }

  function identify(refused: boolean, exchange: Exchange): MaybePromise<Response | null> {
    if (refused) return refuse(exchange);
    if (authenticate === null || exchange.matched.isPreflight) return admit(null, exchange);
    notifier?.pause(exchange);
    return then(rescue(authenticate, authenticationFailed, exchange), authenticated, exchange);
  }

  function authenticated(
    found: Identity | Response | null,
    exchange: Exchange,
  ): MaybePromise<Response | null> {
    notifier?.start(exchange);
    return admit(found, exchange);
  }

  function authenticationFailed(error: unknown, exchange: Exchange): Response {
    // Nobody waits for it.
    if (exchange.clientLeft) {
      return new Response(null, { status: 429, headers: { "cache-control": "no-store" } });
    }
    notifier?.error(exchange, null, error);
    throw error;
  }

  function admit(found: Identity | Response | null, exchange: Exchange): MaybePromise<Response | null> {
    if (isResponse(found)) return turnAway(found, exchange);
    exchange.who = found ?? null;
    const refused = decide(exchange, exchange.matched.after);
    return isPromise(refused) ? later(refused, pass, exchange) : pass(refused, exchange);
  }

  function pass(refused: boolean, exchange: Exchange): MaybePromise<Response | null> {
    sortParts(exchange);
    if (refused) return refuse(exchange);
    notifier?.verdict(exchange, false);
    return null;
  }

  /** Decisions are shown in rule order, whatever their stage. */
  function sortParts(exchange: Exchange): void {
    const { before, after } = exchange.matched;
    if (before.length === 0 || after.length === 0) return;
    exchange.checks = [...exchange.checks].sort((a, b) => a.rule.index - b.rule.index);
  }

  /** What authentication answered: sent as it is, with what the first stage decided. */
  function turnAway(response: Response, exchange: Exchange): MaybePromise<Response> {
    exchange.who = null;
    notifier?.verdict(exchange, false);
    return then(
      count(exchange, response),
      () => then(release(exchange), () => label(exchange, response, false)),
    );
  }

  /** What the first stage charged stays charged, but nothing runs any more: slots come free. */
  function refuse(exchange: Exchange): MaybePromise<Response> {
    exchange.who ??= null;
    notifier?.verdict(exchange, true);
    return then(
      then(exchange.matched.holds ? release(exchange) : undefined, rejected, exchange),
      deny,
      exchange,
    );
  }

  function rejected(_: unknown, exchange: Exchange): MaybePromise<Response> {
    return reject(outcomeOf(exchange, false, null), exchange);
  }

  function deny(rejection: Response, exchange: Exchange): Response {
    if (!isResponse(rejection)) {
      throw new TypeError(cannot("answer a refused request", "reject must give a Response", rejection));
    }
    const answer = rejectsFresh ? rejection : withHeaders(rejection, forbidStoring);
    const labelled = label(exchange, answer, true, rejectsFresh);
    // HEAD gets the same fields and no content (RFC 9110 section 9.3.2).
    return exchange.request.method === "HEAD" && labelled.body
      ? markRefusal(withBody(labelled, null))
      : labelled;
  }

  // ---- after the handler --------------------------------------------------------------------------

  function finish(response: Response, exchange: Exchange): MaybePromise<Response> {
    return exchange.matched.counts ? countAndLabel(response, exchange) : label(exchange, response, false);
  }

  function countAndLabel(response: Response, exchange: Exchange): MaybePromise<Response> {
    return then(count(exchange, response), () => label(exchange, response, false));
  }

  function isTold(denied: boolean): boolean {
    return sendHeaders === "always" || (sendHeaders === "denied" && denied);
  }

  /** The response, a fresh one of ours or any other, with its rate headers; its end frees what the request holds. */
  function label(exchange: Exchange, response: Response, denied: boolean, fresh?: boolean): Response {
    exchange.ended = true;
    if (notifier !== null && response) notifier.answered(response.status);
    const labelled = !isTold(denied)
      ? response
      : fresh
      ? withHeaders(response, headerWriters.fresh, exchange.checks)
      : withOwnHeaders(response, mark, exchange.passage, denied, headerWriters.join, exchange.checks);
    if (denied) markRefusal(labelled);
    return exchange.matched.holds && exchange.checks.some(holds)
      ? releaseAtEnd(labelled, exchange)
      : labelled;
  }

  function releaseAtEnd(response: Response, exchange: Exchange): Response {
    const end = (): void => waitUntil(exchange.platform, release(exchange));
    const body = exchange.request.method !== "HEAD" && response?.body;
    if (body) return onBodyEnd(response, body, end);
    end();
    return response;
  }

  function outcomeOf(exchange: Exchange, allowed: boolean, response: Response | null): Outcome {
    return new TripOutcome(exchange, allowed, response, (answer) => {
      if (allowed && exchange.matched.counts) waitUntil(exchange.platform, count(exchange, answer));
      return label(exchange, answer, !allowed);
    }, () => {
      const headers = new Headers();
      if (isTold(!allowed)) headerWriters.fresh(headers, exchange.checks);
      return headers;
    });
  }

  return withSettings<Throttle>({
    rules: prepared,
    wrap<Rest extends unknown[], Given extends Response | undefined | void>(
      given: Handler<Rest, Given>,
    ): Handler<Rest, Response | Exclude<Given, Response>> {
      // What is no Response passes all that follows untouched.
      const handler = given as unknown as Handler<Rest>;
      function proceed(refusal: Response | null, exchange: Exchange): MaybePromise<Response> {
        if (refusal !== null) return refusal;
        const response = hand(handler, exchange);
        return isPromise(response) ? later(response, finish, exchange) : finish(response, exchange);
      }
      // `rescue`, written out: engines inline so many calls deep and no deeper, and this saves the way's first one.
      return (request, ...rest) => {
        requireRequest(request);
        const matched = match(request);
        if (matched === UNTOUCHED) return handler(request, ...rest);
        const exchange = new Exchange(request, rest, matched, throttle, true);
        let response: MaybePromise<Response>;
        try {
          const refused = enter(exchange);
          response = isPromise(refused) ? later(refused, proceed, exchange) : proceed(refused, exchange);
        } catch (error) {
          return failed(error, exchange);
        }
        return isPromise(response) ? rescued(response, failed, exchange) : response;
      };
    },
    check(request, ...platform) {
      requireRequest(request);
      const exchange = tripFor(request, platform, true);
      if (exchange.matched === UNTOUCHED) return outcomeOf(exchange, true, null);
      return then(
        rescue(enter, failed, exchange),
        (refusal) => outcomeOf(exchange, refusal === null, refusal),
      );
    },
    peek(request, ...platform) {
      requireRequest(request);
      const exchange = tripFor(request, platform, false);
      if (exchange.matched === UNTOUCHED) return [];
      exchange.keepAddress();
      return then(
        decide(exchange, exchange.matched.before),
        () =>
          then(exchange.matched.isPreflight ? null : authenticate?.(exchange), (found) => {
            exchange.who = isResponse(found) ? null : found ?? null;
            return then(isResponse(found) ? false : decide(exchange, exchange.matched.after), () => {
              sortParts(exchange);
              return exchange.checks.map(({ decision }) => decision);
            });
          }),
      );
    },
    ...usageReader({ rules: prepared, asks: checkers, store, clock, authenticate, tripFor }),
  }, { rules: prepared, options: settings });
}

/**
 * A handler, throttled: what the rules refuse is answered with 429 and never reaches it, and every response
 * carries the rate headers.
 *
 * @param handler Takes a `Request`, and whatever else its server passes; gives a `Response` or the promise of one.
 * @param rules One rule or rate, several, or a {@link Throttle} made before.
 * @param options See {@link ThrottleOptions}; not beside a Throttle, which has its own.
 * @returns A handler of the same type, for `Deno.serve`, `Bun.serve`, Workers, Netlify, Vercel and frameworks alike.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used. The handler it returns throws a TypeError where it is
 * given no Request but, say, node's IncomingMessage.
 *
 * @example Sixty a minute and a thousand a day for each client address
 * ```ts
 * import { withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("hello"), ["60/min", "1000/day"], {
 *   client: { address: () => "192.0.2.1" }, // on a server: the socket's peer, without this line
 * });
 * const response = await handler(new Request("https://example.com/"));
 * equal(response.headers.get("x-ratelimit-remaining"), "59");
 * ```
 */
export function withThrottle<Rest extends unknown[], Given extends Response | undefined | void = Response>(
  handler: Handler<Rest, Given>,
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options?: ThrottleOptions,
): Handler<Rest, Response | Exclude<Given, Response>> {
  if (typeof handler !== "function") {
    throw new TypeError(cannot("throttle this handler", "it must be a function", handler));
  }
  if (typeof rules === "object" && rules !== null && "wrap" in rules) {
    if (options !== undefined) {
      throw new TypeError(
        `Cannot give options to a throttle that is made already: current value is ${
          shown(Object.keys(options))
        }`,
      );
    }
    return rules.wrap(handler);
  }
  return createThrottle(rules, options).wrap(handler);
}
