/**
 * The throttle: the path of a request, top to bottom.
 *
 * @module
 */

import { warnAboutRules } from "./warnings.ts";
import { notifier } from "../observers/notify.ts";
import { compileCheck } from "./compile_check.ts";
import type { Identity } from "../auth/authenticate.ts";
import { onBodyEnd, withBody } from "../exchange/body_end.ts";
import { compileClient } from "../client/client.ts";
import { explainMissing } from "../client/missing.ts";
import { compileDecide } from "./decide.ts";
import type { Decision } from "../decision.ts";
import { compileHeaders, isResponse, markRefusal, withHeaders, withOwnHeaders } from "./write_headers.ts";
import { usageReader } from "./usage.ts";
import { compileMatch, UNTOUCHED } from "../rules/match.ts";
import { isPromise, later, type MaybePromise, rescue, rescued, then } from "../maybe.ts";
import { prepareOptions, type ThrottleOptions } from "./options.ts";
import type { Outcome } from "../outcome.ts";
import type { Rate } from "../rules/rate.ts";
import { cannot, shown } from "../cannot.ts";
import { requireRequest } from "../exchange/require_request.ts";
import { forbidStoring } from "../rejections/denial.ts";
import { makesFresh } from "../rejections/rejection.ts";
import { type CompiledRule, prepareRules, type Rule } from "../rules/rule.ts";
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
function hand<Rest extends unknown[]>(handler: Handler<Rest>, trip: Exchange): MaybePromise<Response> {
  const platform = trip.platform as unknown as Rest;
  if (platform.length !== 1) return handler(trip.request, ...platform);
  return (handler as Handler<unknown[]>)(trip.request, platform[0]);
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
  const { client, authenticate, headers, sendHeaders: report, reject, observers, revealKeys } = settings;
  const store = guard(settings, prepared);
  const clock = store.clock ?? Date.now;
  const match = compileMatch(prepared, settings.exactPaths);
  const announcer = notifier(observers, clock, revealKeys);
  const asks = prepared.map((rule) =>
    compileCheck<Exchange>(rule, clock, (rule, trip, error) => announcer?.error(trip, rule.name, error))
  );
  const labels = compileHeaders(prepared, headers);
  const rejectsFresh = makesFresh(reject);
  const mark = Symbol("weir.labelled");
  const decide = compileDecide({ asks, store, announcer });
  const { settle, release, settleByResponse: count, settleAfterError: fail } = compileSettlement(
    store,
    announcer,
  );
  warnAboutRules(prepared, authenticate, settings.store, report === "never" ? null : headers);
  store.prepare?.(prepared);
  if (announcer !== null) store.observe?.(announcer.store);

  const owner: ThrottleCore = {
    addressOf: compileClient(client),
    explainAddress: (request, platform) => explainMissing(client, request, platform),
    settle(trip, name, cost) {
      const part = trip.checks.find(({ rule }) => rule.name === name);
      if (part === undefined) return prepared.some((rule) => rule.name === name) ? undefined : false;
      const settled = settle(trip, part, cost);
      waitUntil(trip.platform, settled);
      return settled;
    },
  };

  function tripFor(request: Request, platform: readonly unknown[], spend: boolean): Exchange {
    return new Exchange(request, platform, match(request), owner, spend);
  }

  // ---- both stages, with authentication between them ---------------------------------------------

  /** Decides a request: null when it may pass, else the answer to it. */
  function enter(trip: Exchange): MaybePromise<Response | null> {
    attach(trip);
    announcer?.start(trip);
    const refused = decide(trip, trip.matched.before);
    const answer = isPromise(refused) ? later(refused, identify, trip) : identify(refused, trip);
    if (trip.matched.counts || isPromise(answer)) trip.keepAddress();
    return answer;
  }

  /** What throws on the way, or in the handler, ends the trip: nothing is held any more. */
  function failed(error: unknown, trip: Exchange): MaybePromise<never> {
    trip.ended = true;
    return then(fail(trip), () => {
      throw error;
    });
  }

  function identify(refused: boolean, trip: Exchange): MaybePromise<Response | null> {
    if (refused) return refuse(trip);
    if (authenticate === null || trip.matched.isPreflight) return admit(null, trip);
    announcer?.pause(trip);
    return then(rescue(authenticate, authenticationFailed, trip), authenticated, trip);
  }

  function authenticated(found: Identity | Response | null, trip: Exchange): MaybePromise<Response | null> {
    announcer?.start(trip);
    return admit(found, trip);
  }

  function authenticationFailed(error: unknown, trip: Exchange): Response {
    // Nobody waits for it.
    if (trip.clientLeft) return new Response(null, { status: 429, headers: { "cache-control": "no-store" } });
    announcer?.error(trip, null, error);
    throw error;
  }

  function admit(found: Identity | Response | null, trip: Exchange): MaybePromise<Response | null> {
    if (isResponse(found)) return turnAway(found, trip);
    trip.who = found ?? null;
    const refused = decide(trip, trip.matched.after);
    return isPromise(refused) ? later(refused, pass, trip) : pass(refused, trip);
  }

  function pass(refused: boolean, trip: Exchange): MaybePromise<Response | null> {
    sortParts(trip);
    if (refused) return refuse(trip);
    announcer?.verdict(trip, false);
    return null;
  }

  /** Decisions are shown in rule order, whatever their stage. */
  function sortParts(trip: Exchange): void {
    const { before, after } = trip.matched;
    if (before.length === 0 || after.length === 0) return;
    trip.checks = [...trip.checks].sort((a, b) => a.rule.index - b.rule.index);
  }

  /** What authentication answered: sent as it is, with what the first stage decided. */
  function turnAway(response: Response, trip: Exchange): MaybePromise<Response> {
    trip.who = null;
    announcer?.verdict(trip, false);
    return then(count(trip, response), () => then(release(trip), () => label(trip, response, false)));
  }

  /** What the first stage charged stays charged, but nothing runs any more: slots come free. */
  function refuse(trip: Exchange): MaybePromise<Response> {
    trip.who ??= null;
    announcer?.verdict(trip, true);
    return then(then(trip.matched.holds ? release(trip) : undefined, rejected, trip), deny, trip);
  }

  function rejected(_: unknown, trip: Exchange): MaybePromise<Response> {
    return reject(outcomeOf(trip, false, null), trip);
  }

  function deny(rejection: Response, trip: Exchange): Response {
    if (!isResponse(rejection)) {
      throw new TypeError(cannot("answer a refused request", "reject must give a Response", rejection));
    }
    const answer = rejectsFresh ? rejection : withHeaders(rejection, forbidStoring);
    const labelled = label(trip, answer, true, rejectsFresh);
    // HEAD gets the same fields and no content (RFC 9110 section 9.3.2).
    return trip.request.method === "HEAD" && labelled.body ? markRefusal(withBody(labelled, null)) : labelled;
  }

  // ---- after the handler --------------------------------------------------------------------------

  function finish(response: Response, trip: Exchange): MaybePromise<Response> {
    return trip.matched.counts ? countAndLabel(response, trip) : label(trip, response, false);
  }

  function countAndLabel(response: Response, trip: Exchange): MaybePromise<Response> {
    return then(count(trip, response), () => label(trip, response, false));
  }

  function isTold(denied: boolean): boolean {
    return report === "always" || (report === "denied" && denied);
  }

  /** The response, a fresh one of ours or any other, with its rate headers; its end frees what the request holds. */
  function label(trip: Exchange, response: Response, denied: boolean, fresh?: boolean): Response {
    trip.ended = true;
    if (announcer !== null && response) announcer.answered(response.status);
    const labelled = !isTold(denied)
      ? response
      : fresh
      ? withHeaders(response, labels.fresh, trip.checks)
      : withOwnHeaders(response, mark, trip.passage, denied, labels.join, trip.checks);
    if (denied) markRefusal(labelled);
    return trip.matched.holds && trip.checks.some(holds) ? releaseAtEnd(labelled, trip) : labelled;
  }

  function releaseAtEnd(response: Response, trip: Exchange): Response {
    const end = (): void => waitUntil(trip.platform, release(trip));
    const body = trip.request.method !== "HEAD" && response?.body;
    if (body) return onBodyEnd(response, body, end);
    end();
    return response;
  }

  function outcomeOf(trip: Exchange, allowed: boolean, response: Response | null): Outcome {
    return new TripOutcome(trip, allowed, response, (answer) => {
      if (allowed && trip.matched.counts) waitUntil(trip.platform, count(trip, answer));
      return label(trip, answer, !allowed);
    }, () => {
      const headers = new Headers();
      if (isTold(!allowed)) labels.fresh(headers, trip.checks);
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
      function proceed(refusal: Response | null, trip: Exchange): MaybePromise<Response> {
        if (refusal !== null) return refusal;
        const response = hand(handler, trip);
        return isPromise(response) ? later(response, finish, trip) : finish(response, trip);
      }
      // `rescue`, written out: engines inline so many calls deep and no deeper, and this saves the way's first one.
      return (request, ...rest) => {
        requireRequest(request);
        const matched = match(request);
        if (matched === UNTOUCHED) return handler(request, ...rest);
        const trip = new Exchange(request, rest, matched, owner, true);
        let response: MaybePromise<Response>;
        try {
          const refused = enter(trip);
          response = isPromise(refused) ? later(refused, proceed, trip) : proceed(refused, trip);
        } catch (error) {
          return failed(error, trip);
        }
        return isPromise(response) ? rescued(response, failed, trip) : response;
      };
    },
    check(request, ...platform) {
      requireRequest(request);
      const trip = tripFor(request, platform, true);
      if (trip.matched === UNTOUCHED) return outcomeOf(trip, true, null);
      return then(rescue(enter, failed, trip), (refusal) => outcomeOf(trip, refusal === null, refusal));
    },
    peek(request, ...platform) {
      requireRequest(request);
      const trip = tripFor(request, platform, false);
      if (trip.matched === UNTOUCHED) return [];
      trip.keepAddress();
      return then(
        decide(trip, trip.matched.before),
        () =>
          then(trip.matched.isPreflight ? null : authenticate?.(trip), (found) => {
            trip.who = isResponse(found) ? null : found ?? null;
            return then(isResponse(found) ? false : decide(trip, trip.matched.after), () => {
              sortParts(trip);
              return trip.checks.map(({ decision }) => decision);
            });
          }),
      );
    },
    ...usageReader({ rules: prepared, asks, store, clock, authenticate, tripFor }),
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
