/**
 * The throttle: the path of a request, top to bottom.
 *
 * @module
 */

import { cannot, shown } from "../cannot.ts";
import type { Decision } from "../decision.ts";
import { matchBoth } from "../exchange/absolute_target.ts";
import { Exchange } from "../exchange/exchange.ts";
import { requireRequest } from "../exchange/require_request.ts";
import type { Explanation } from "../explain/explanation.ts";
import { isPromise, later, type MaybePromise, rescue, rescued, then } from "../maybe.ts";
import type { Outcome } from "../outcome.ts";
import { UNTOUCHED } from "../rules/match.ts";
import type { Rate } from "../rules/rate.ts";
import type { CompiledRule, Rule } from "../rules/rule.ts";
import { explaining } from "./explaining.ts";
import type { Handler } from "./handler.ts";
import { compileThrottle, type Parts } from "./parts.ts";
import { describedDefaults, type ThrottleOptions } from "./options.ts";
import { answering } from "./questions.ts";
import { withSettings } from "./settings.ts";
import type { Spent } from "./spend.ts";

/** Rules and the counts of their store, from {@link createThrottle}. One throttle serves any number of handlers at once. */
export interface Throttle {
  /**
   * The handler, throttled.
   *
   * @throws {TypeError} When it is no function.
   */
  wrap<
    Rest extends unknown[],
    Given extends Response | undefined | void = Response,
    Incoming extends Request = Request,
  >(
    handler: Handler<Rest, Given, Incoming>,
  ): Handler<Rest, Response | Exclude<Given, Response>, Incoming>;
  /** Decides a request without a handler, for frameworks: answer with `response`, or pass your own through `label`. */
  check(request: Request, ...platform: unknown[]): MaybePromise<Outcome>;
  /** Would the request pass now? Spends nothing. One decision per rule that applies, in rule order. */
  peek(request: Request, ...platform: unknown[]): MaybePromise<readonly Decision[]>;
  /**
   * The decision of a rule on one more request of a key. Spends nothing.
   *
   * @param rule The rule's name.
   * @param key The string that the rule's key function gives, taken literally; or a request to derive it from.
   * @throws {TypeError} When there is no such rule, the rule skips the request, or its rate depends on a request and none is given.
   */
  usage(rule: string, key: string | Request): MaybePromise<Decision>;
  /**
   * Forgets the units that a key used under a rule, its block included.
   *
   * @param rule The rule's name.
   * @param key As for {@link Throttle.usage}.
   * @throws {TypeError} When there is no such rule, the rule skips the request, or the store cannot forget.
   */
  reset(rule: string, key: string | Request): MaybePromise<void>;
  /**
   * Spends quotas without a request: messages of a socket, jobs, e-mails, an agent's tools. All or nothing over several rules, in
   * one round trip. It shares the rule's quota with the requests of the same key. The rule's `on`, `unless` and `count` are about
   * requests and play no part; a rule with `on: []` is for `spend` alone.
   *
   * @param rule The rule's name, or several names.
   * @param key The string that the key function of each of the rules gives, taken literally: for `byIp()` the address
   * (`addressKey`: IPv6 counts by its /64), for `byUser()` the id.
   * @param cost Units, an integer of at least 0, under each of the rules. Default: the rule's own cost.
   * @throws {TypeError} When there is no such rule, or its rate (or its cost, where none is given) depends on a request.
   * @throws {RangeError} When the cost is not an integer of at least 0.
   *
   * @example Three messages per second
   * ```ts
   * import { byUser, createThrottle } from "@weir/throttle";
   * import { equal } from "node:assert/strict";
   *
   * const throttle = createThrottle({ name: "messages", rate: "3/s", key: byUser(), on: [] });
   * const { allowed, decisions, settle } = await throttle.spend("messages", "ann");
   * equal(allowed, true);
   * equal(decisions[0].remaining, 2);
   * await settle(0); // it was not sent after all
   * equal((await throttle.usage("messages", "ann")).remaining, 3);
   * ```
   */
  spend(rule: string | readonly string[], key: string, cost?: number): MaybePromise<Spent>;
  /**
   * Explains the decision on a request, rule by rule: whether each rule applies and why, the client's address and how it was
   * found, the key, the units in use and left, where the answer came from, when the request passes, and under which limit it
   * would pass now. Charges nothing.
   *
   * A request that this throttle has decided is explained by its decisions, so that a handler, or `reject`, can ask why; any
   * other one by those that it would get now. Functions of the rules, and `authenticate`, are called as by `peek`; an error of
   * theirs is part of the explanation. The code is loaded at the first call.
   *
   * An explanation names the client, its key and its address: show it to those who may see the request.
   *
   * @param request The request.
   * @param platform The values that the server passes beside it; not needed for a request that was decided.
   * @returns The explanation, as data and as text.
   * @throws {TypeError} When it is no Request.
   *
   * @example Why was this request refused?
   * ```ts
   * import { createThrottle, memoryStore } from "@weir/throttle";
   * import { deepStrictEqual, match } from "node:assert/strict";
   *
   * const throttle = createThrottle({ name: "login", rate: "1/min", on: "POST /login" }, {
   *   store: memoryStore({ clock: () => 1_800_000_000_000 }),
   * });
   * const peer = { ip: "203.0.113.9" };
   * const login = new Request("https://example.com/login", { method: "POST" });
   * await throttle.check(login, peer);
   *
   * const { allowed, rules: [rule], text } = await throttle.explain(login.clone(), peer);
   * deepStrictEqual([allowed, rule.applies, rule.key?.value, rule.used], [false, true, "203.0.113.9", 1]);
   * deepStrictEqual(rule.passes, "passes at 2027-01-15T08:01:00.000Z; passes with a limit of at least 2");
   * match(text, /would be refused now by rule "login"/);
   * ```
   */
  explain(request: Request, ...platform: unknown[]): MaybePromise<Explanation>;
  /** The rules, as compiled. */
  readonly rules: readonly CompiledRule[];
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
  const parts = compileThrottle(rules, options, describedDefaults);
  const { store, clock, check, decide, notifier, core, settlement: { settle } } = parts;
  const { rules: prepared, options: settings, match } = parts;
  const { authenticate } = settings;
  function newExchange(request: Request, platform: readonly unknown[], spend: boolean): Exchange {
    return new Exchange(request, platform, matchBoth(match, request, platform), core, spend);
  }

  const asking = { store, clock, authenticate, check, decide, notifier, core, settle, newExchange };
  const throttle = { rules: prepared, wrap: compileWrap(parts), check: compileCheckOf(parts) };
  return explaining(answering(withSettings(throttle, { rules: prepared, options: settings, asking })));
}

/** A throttle that nobody asks anything. */
type PlainThrottle = Pick<Throttle, "wrap">;

/**
 * {@link createThrottle} for throttles that stay inside: what checks, answers, explains and describes is no part of them, nor of a
 * bundle.
 */
export function makeThrottle(
  rules: Rate | Rule | readonly (Rate | Rule)[],
  options: ThrottleOptions = {},
): PlainThrottle {
  return { wrap: compileWrap(compileThrottle(rules, options)) };
}

/** @returns The way through a throttle around a handler. */
function compileWrap({ match, core, enter, failed, settlement, label }: Parts): Throttle["wrap"] {
  function settleAndLabel(response: Response, exchange: Exchange): MaybePromise<Response> {
    return then(settlement.settleByResponse(exchange, response), () => label(response, exchange));
  }

  return function wrap<
    Rest extends unknown[],
    Given extends Response | undefined | void,
    Incoming extends Request,
  >(
    given: Handler<Rest, Given, Incoming>,
  ): Handler<Rest, Response | Exclude<Given, Response>, Incoming> {
    if (typeof given !== "function") {
      throw new TypeError(cannot("throttle this handler", "it must be a function, such as app.fetch", given));
    }
    // A value that is no Response passes all that follows untouched.
    const handler = given as unknown as Handler<unknown[]>;
    function proceed(refusal: Response | null, exchange: Exchange): MaybePromise<Response> {
      if (refusal !== null) return refusal;
      const { request, platform, matched } = exchange;
      // Most servers pass one argument after the request. Spreading it is slow on some engines, so one argument is passed directly.
      const response = platform.length === 1 ? handler(request, platform[0]) : handler(request, ...platform);
      const next = matched.counts ? settleAndLabel : label;
      return isPromise(response) ? later(response, next, exchange) : next(response, exchange);
    }
    return (request, ...rest) => {
      requireRequest(request);
      const matched = match(request);
      if (matched === UNTOUCHED) return handler(request, ...rest);
      const exchange = new Exchange(request, rest, matched, core, true);
      // `rescue`, written out: keeps the call depth within what engines inline.
      let response: MaybePromise<Response>;
      try {
        const refusal = enter(exchange);
        response = isPromise(refusal) ? later(refusal, proceed, exchange) : proceed(refusal, exchange);
      } catch (error) {
        return failed(error, exchange);
      }
      return isPromise(response) ? rescued(response, failed, exchange) : response;
    };
  };
}

/** @returns The way through a throttle without a handler, for frameworks. */
function compileCheckOf({ match, core, enter, failed, outcomeOf }: Parts): Throttle["check"] {
  return (request, ...platform) => {
    requireRequest(request);
    const matched = matchBoth(match, request, platform);
    const exchange = new Exchange(request, platform, matched, core, matched !== UNTOUCHED);
    if (matched === UNTOUCHED) return outcomeOf(exchange, true, null);
    return then(
      rescue(enter, failed, exchange),
      (refusal) => outcomeOf(exchange, refusal === null, refusal),
    );
  };
}

/** Is this a throttle that was made before? */
export function isThrottle(rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle): rules is Throttle {
  return typeof rules === "object" && rules !== null && "wrap" in rules;
}

/** The throttle of these rules, or the one that was made before. */
export function throttleFrom(
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options: ThrottleOptions | undefined,
): PlainThrottle {
  if (!isThrottle(rules)) return makeThrottle(rules, options);
  if (options === undefined) return rules;
  throw new TypeError(
    `Cannot give options to a throttle that is made already: current value is ${shown(Object.keys(options))}`,
  );
}

/**
 * A handler, throttled: a request that the rules refuse is answered with 429 and never reaches it, and every response
 * carries the rate headers.
 *
 * @param handler Takes a `Request`, and whatever else its server passes; gives a `Response` or the promise of one.
 * @param rules One rule or rate, several, or a {@link Throttle} made before.
 * @param options See {@link ThrottleOptions}; not beside a Throttle, which has its own.
 * @returns A handler of the same type, for `Deno.serve`, `Bun.serve`, Workers, Netlify, Vercel and frameworks alike.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used. The handler it returns throws a TypeError where it is
 * given no Request but, say, node's IncomingMessage.
 *
 * @example Sixty requests per minute and a thousand per day for each client address
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
export function withThrottle<
  Rest extends unknown[],
  Given extends Response | undefined | void = Response,
  Incoming extends Request = Request,
>(
  handler: Handler<Rest, Given, Incoming>,
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options?: ThrottleOptions,
): Handler<Rest, Response | Exclude<Given, Response>, Incoming> {
  return throttleFrom(rules, options).wrap(handler);
}
