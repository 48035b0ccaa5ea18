/**
 * The throttle: the path of a request, top to bottom.
 *
 * @module
 */

import { type Ask, askOf, compileAsk, storageKey } from "./ask.ts";
import type { Identity } from "./auth/authenticate.ts";
import { onBodyEnd } from "./body_end.ts";
import { compileClient } from "./client/client.ts";
import type { Context } from "./context.ts";
import { type Decision, refuses } from "./decision.ts";
import { announcer, type ThrottleEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "./keyed_hash.ts";
import { compileLabel, withHeaders } from "./label.ts";
import { compileMatch, type Route } from "./match.ts";
import { all, type MaybePromise, rescue, then } from "./maybe.ts";
import { prepareOptions, type ThrottleOptions } from "./options.ts";
import type { Outcome, RequestThrottle } from "./outcome.ts";
import { type Rate, shown } from "./rate.ts";
import { type CompiledRule, isCost, type PreparedRule, prepareRules, type Rule } from "./rule.ts";

/** A handler as servers call it: the request, and what the server passes beside it. */
export type Handler<Rest extends unknown[]> = (request: Request, ...rest: Rest) => MaybePromise<Response>;

/** Rules at work. */
export interface Throttle {
  /** The handler, throttled. */
  wrap<Rest extends unknown[]>(handler: Handler<Rest>): Handler<Rest>;
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

/** One rule's part in one request. */
interface Part extends Ask {
  decision: Decision;
  /** Was the cost charged? Not when the request was refused, nor when this rule, in shadow, would have. */
  charged: boolean;
  /** Has the charge been corrected, for good? */
  settled: boolean;
}

/** One request on its way through one throttle. */
interface Trip {
  readonly request: Request;
  readonly platform: readonly unknown[];
  readonly route: Route;
  readonly address: string | null;
  identity: Identity | null;
  readonly parts: Part[];
  /** The trip through the throttle around this one, while that lasts. */
  readonly outer: Trip | null;
  /** Tells this trip's throttle a real cost; false when it has no such rule. */
  readonly settle: (trip: Trip, rule: string, cost: number) => MaybePromise<void> | false;
  /** Has the response been labelled? Whatever happens to the same Request object after that is another trip. */
  over: boolean;
}

/** The innermost trip that each request is on, or was on last. */
const trips = new WeakMap<Request, Trip>();

/** What a handler sees of a trip and of those around it. */
function requestThrottle(trip: Trip): RequestThrottle {
  return {
    get decisions() {
      const decisions: Decision[] = [];
      for (let level: Trip | null = trip; level !== null; level = level.outer) {
        decisions.unshift(...level.parts.map(({ decision }) => decision));
      }
      return decisions;
    },
    settle(rule, cost) {
      if (!isCost(cost)) {
        throw new RangeError(
          `Cannot settle rule ${shown(rule)} as cost must be an integer of at least 0: current value is ${
            shown(cost)
          }`,
        );
      }
      for (let level: Trip | null = trip; level !== null; level = level.outer) {
        const settled = level.settle(level, rule, cost);
        if (settled !== false) return settled;
      }
      throw new TypeError(
        `Cannot settle a rule that no throttle of this request has: current value is ${shown(rule)}`,
      );
    },
  };
}

/**
 * What the throttles around a handler decided about its request, and how to tell them its real cost.
 *
 * @param request The request that the handler was given.
 * @returns Undefined for a request that came through no throttle.
 *
 * @example The tokens that an answer really took
 * ```ts
 * import { throttleOf, withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const handler = withThrottle(async (request) => {
 *   await throttleOf(request)?.settle("tokens", 120);
 *   return new Response("answer");
 * }, { name: "tokens", rate: "1000/hour", cost: 500 }, { client: { address: () => "192.0.2.1" } });
 *
 * const response = await handler(new Request("https://example.com/"));
 * equal(response.headers.get("x-ratelimit-remaining"), "880");
 * ```
 */
export function throttleOf(request: Request): RequestThrottle | undefined {
  const trip = trips.get(request);
  return trip === undefined ? undefined : requestThrottle(trip);
}

/** A preflight asks for the browser, not for the client, and fails the whole request unless answered with 2xx (Fetch, CORS-preflight fetch). */
function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");
}

/** Keeps the platform alive until background work is done, where it offers that (Workers' ctx, Netlify's context). */
function waitUntil(platform: readonly unknown[], work: MaybePromise<unknown>): void {
  if (!(work instanceof Promise)) return;
  const keeper = platform.find((item) =>
    typeof (item as { waitUntil?: unknown } | null)?.waitUntil === "function"
  );
  (keeper as { waitUntil(work: Promise<unknown>): void } | undefined)?.waitUntil(work);
}

/** Does a response count under a rule; or what does it really cost? */
function costAfter(part: Part, response: Response, context: Context): MaybePromise<number> {
  const { count } = part.rule;
  const { cost } = part.check;
  if (count === "all") return cost;
  if (count === "failures") return response.status >= 400 ? cost : 0;
  if (count === "successes") return response.ok ? cost : 0;
  return then(count(response, context), (counts) => {
    if (typeof counts === "boolean") return counts ? cost : 0;
    if (isCost(counts)) return counts;
    throw new RangeError(
      `Cannot use rule "${part.rule.name}" as count must give true, false or an integer of at least 0: current value is ${
        shown(counts)
      }`,
    );
  });
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
  const { store, client, authenticate, headers, report, reject, observers, revealKeys } = prepareOptions(
    options,
  );
  const clock = store.clock ?? Date.now;
  const match = compileMatch(prepared);
  const addressOf = compileClient(client);
  const announce = announcer(observers);
  const asks = new Map(prepared.map((rule) => [rule, compileAsk(rule, clock, complain)]));
  const writeHeaders = compileLabel(prepared, headers);
  let seed: Seed | null = null;
  store.prepare?.(prepared);
  store.observe?.((change) =>
    announce?.({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change })
  );

  // ---- what observers are told ------------------------------------------------------------------

  function eventOf(trip: Trip, type: ThrottleEvent["type"], part?: Part): ThrottleEvent {
    const event: ThrottleEvent = {
      type,
      at: clock(),
      method: trip.request.method,
      route: trip.route.pattern,
      decisions: part === undefined || type === "denied"
        ? trip.parts.map(({ decision }) => decision)
        : [part.decision],
    };
    if (part !== undefined) {
      event.rule = part.rule.name;
      event.key = revealKeys ? part.partition : shortHash(part.partition, seed ??= randomSeed());
    }
    return event;
  }

  function complain(rule: PreparedRule, { request, route }: Context, error: unknown): void {
    announce?.({
      type: "error",
      at: clock(),
      method: request.method,
      route,
      decisions: [],
      rule: rule.name,
      error,
    });
  }

  function announceVerdict(trip: Trip, refused: boolean): void {
    if (announce === null) return;
    for (const part of trip.parts) {
      if (part.decision.allowed) continue;
      if (part.decision.mode === "shadow") announce(eventOf(trip, "shadow-denied", part));
      else if (part.decision.blocked) announce(eventOf(trip, "blocked", part));
    }
    announce(
      eventOf(trip, refused ? "denied" : "allowed", trip.parts.find(({ decision }) => refuses(decision))),
    );
  }

  // ---- who is asking, under which rules ---------------------------------------------------------

  function tripOf(request: Request, platform: readonly unknown[]): Trip {
    return {
      request,
      platform,
      route: match(request),
      address: addressOf(request, platform),
      identity: null,
      parts: [],
      outer: outerOf(trips.get(request)),
      settle: settleByName,
      over: false,
    };
  }

  /** The trip that this one is nested in: one that still lasts, through another throttle. */
  function outerOf(last: Trip | undefined): Trip | null {
    if (last === undefined || last.over) return null;
    for (let level: Trip | null = last; level !== null; level = level.outer) {
      if (level.settle === settleByName) return level.outer;
    }
    return last;
  }

  function contextOf({ request, platform, route, address, identity }: Trip): Context {
    return { request, platform, route: route.pattern, address, identity };
  }

  function contextBeforeAuth({ request, platform, route, address }: Trip): Context {
    return {
      request,
      platform,
      route: route.pattern,
      address,
      get identity(): never {
        throw new TypeError(
          'Cannot read context.identity before authentication: give the rule `stage: "after-auth"`, or a key that has it (byUser)',
        );
      },
    };
  }

  // ---- one stage: keys, then one decision for all -----------------------------------------------

  function ask(rule: PreparedRule, context: Context, trip: Trip): MaybePromise<Ask | null> {
    const asked = rescue(() => (asks.get(rule) as ReturnType<typeof compileAsk>)(context), (error) => {
      complain(rule, context, error);
      throw error;
    });
    if (announce === null) return asked;
    return then(asked, (question) => {
      if (question === null) announce({ ...eventOf(trip, "skipped"), rule: rule.name, decisions: [] });
      return question;
    });
  }

  /** Asks all rules of a stage at once. Is any of them refusing? */
  function decide(
    trip: Trip,
    rules: readonly PreparedRule[],
    context: Context,
    spend: boolean,
  ): MaybePromise<boolean> {
    if (rules.length === 0) return false;
    return then(all(rules.map((rule) => ask(rule, context, trip))), (answers) => {
      const asked = answers.filter((answer) => answer !== null);
      const never = asked.filter(({ refusal }) => refusal !== null && refuses(refusal));
      // What can never pass is refused without asking the store, and without charging the rules beside it.
      const known = never.length > 0 ? never : asked;
      const checks = never.length > 0
        ? []
        : asked.filter(({ refusal }) => refusal === null).map(({ check }) => check);
      return then(checks.length === 0 ? [] : store.decide(checks, spend), (decisions) => {
        const refused = never.length > 0 || decisions.some(refuses);
        const decided = decisions.values();
        const byName = decisions.length === checks.length
          ? null
          : new Map(decisions.map((d) => [d.policy, d]));
        for (const question of known) {
          const decision = question.refusal ??
            (byName === null ? decided.next().value : byName.get(question.check.policy.name));
          // The deny cache answers with the refusing rules alone.
          if (decision === undefined) continue;
          trip.parts.push({
            ...question,
            decision,
            charged: !refused && decision.allowed && spend,
            settled: false,
          });
        }
        return refused;
      });
    });
  }

  /** Both stages with authentication between them: true when a rule refuses, the Response when authentication does. */
  function run(trip: Trip, spend: boolean): MaybePromise<boolean | Response> {
    const early = contextBeforeAuth(trip);
    return then(decide(trip, trip.route.before, early, spend), (refused) => {
      if (refused && spend) return true;
      return then(authenticate === null ? null : identify(trip, early), (found) => {
        if (found instanceof Response) return found;
        trip.identity = found;
        return then(
          decide(trip, trip.route.after, contextOf(trip), spend),
          (refusedAfter) => {
            if (trip.route.before.length > 0 && trip.route.after.length > 0) {
              trip.parts.sort((a, b) => a.rule.index - b.rule.index);
            }
            return refused || refusedAfter;
          },
        );
      });
    });
  }

  function identify(trip: Trip, context: Context): MaybePromise<Identity | Response | null> {
    return rescue(() => authenticate?.(context) ?? null, (error) => {
      announce?.({ ...eventOf(trip, "error"), error });
      throw error;
    });
  }

  // ---- after the handler ------------------------------------------------------------------------

  /** Corrects one charge, once. A store that fails here keeps the charge: it errs on refusing. */
  function settle(trip: Trip, part: Part, cost: number): MaybePromise<void> {
    if (part.settled || !part.charged) return;
    part.settled = true;
    const { check, decision } = part;
    if (cost === check.cost) return;
    const correction = { ...check, cost: cost - check.cost, since: decision.chargedAt };
    return rescue(
      () =>
        then(store.decide([correction]), ([after]) => {
          part.decision = { ...decision, cost, remaining: after.remaining, resetAfterMs: after.resetAfterMs };
          announce?.(eventOf(trip, "settled", part));
        }),
      (error) => announce?.({ ...eventOf(trip, "error", part), error }),
    );
  }

  const holdsSlot = ({ rule }: Part): boolean => rule.implementation.ownWindowMs !== undefined;

  /** Gives back what the request held while it ran. */
  function release(trip: Trip): MaybePromise<unknown> {
    return all(trip.parts.filter(holdsSlot).map((part) => settle(trip, part, 0)));
  }

  /** Corrects the charges of rules that count some responses only. */
  function count(trip: Trip, response: Response): MaybePromise<unknown> {
    const counted = trip.parts.filter(({ rule }) => rule.count !== "all");
    if (counted.length === 0) return undefined;
    const context = contextOf(trip);
    return all(counted.map((part) =>
      rescue(
        () => then(costAfter(part, response, context), (cost) => settle(trip, part, cost)),
        (error) => complain(part.rule, context, error),
      )
    ));
  }

  /** A handler that threw answered nothing: "successes" are given back, all else stays charged. */
  function fail(trip: Trip): MaybePromise<unknown> {
    const failed = trip.parts.filter(({ rule }) => rule.count === "successes");
    return then(all(failed.map((part) => settle(trip, part, 0))), () => release(trip));
  }

  /** The response with its rate headers; its end frees what the request holds. */
  function label(trip: Trip, response: Response, denied: boolean): Response {
    trip.over = true;
    const labelled = report === "always" || (report === "denied" && denied)
      ? withHeaders(response, (headers) => writeHeaders(headers, trip.parts))
      : response;
    if (!trip.parts.some((part) => part.charged && !part.settled && holdsSlot(part))) return labelled;
    const end = (): void => waitUntil(trip.platform, release(trip));
    if (trip.request.method !== "HEAD" && labelled?.body) return onBodyEnd(labelled, end);
    end();
    return labelled;
  }

  // ---- the outcome ------------------------------------------------------------------------------

  function settleByName(trip: Trip, name: string, cost: number): MaybePromise<void> | false {
    const part = trip.parts.find(({ rule }) => rule.name === name);
    if (part === undefined) return prepared.some((rule) => rule.name === name) ? undefined : false;
    const settled = settle(trip, part, cost);
    waitUntil(trip.platform, settled);
    return settled;
  }

  function outcomeOf(trip: Trip, response: Response | null): Outcome {
    return {
      allowed: response === null,
      decisions: trip.parts.map(({ decision }) => decision),
      response,
      settle: requestThrottle(trip).settle,
      label(answer) {
        waitUntil(trip.platform, count(trip, answer));
        return label(trip, answer, false);
      },
    };
  }

  /** The answer to a refused request: never stored by a cache (RFC 6585 section 4), without content for HEAD. */
  function denial(trip: Trip): MaybePromise<Response> {
    return then(reject({ ...outcomeOf(trip, null), allowed: false }, contextOf(trip)), (rejection) => {
      const response = withHeaders(rejection, (headers) => {
        headers.set("cache-control", "no-store");
        for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
      });
      const labelled = label(trip, response, true);
      return trip.request.method === "HEAD" ? new Response(null, labelled) : labelled;
    });
  }

  /** Decides a request: null when it may pass, else the answer to it. */
  function enter(trip: Trip): MaybePromise<Response | null> {
    trips.set(trip.request, trip);
    return then(run(trip, true), (verdict) => {
      announceVerdict(trip, verdict === true);
      if (verdict === false) return null;
      // What the first stage charged stays charged, but nothing runs any more: slots come free.
      return then(release(trip), () => {
        if (verdict === true) return denial(trip);
        return then(count(trip, verdict), () => label(trip, verdict, false));
      });
    });
  }

  function ruleNamed(name: string): PreparedRule {
    const rule = prepared.find((rule) => rule.name === name);
    if (rule !== undefined) return rule;
    const names = prepared.map(({ name }) => shown(name)).join(", ");
    throw new TypeError(`Cannot find a rule of this name, only ${names}: current value is ${shown(name)}`);
  }

  /** What a rule asks for a request, from whoever the request is seen to come from. */
  function askAbout(rule: PreparedRule, request: Request): MaybePromise<Ask> {
    const trip = tripOf(request, trips.get(request)?.platform ?? []);
    const early = contextBeforeAuth(trip);
    const identity = rule.stage === "after-auth" && authenticate !== null ? identify(trip, early) : null;
    return then(identity, (found) => {
      trip.identity = found instanceof Response ? null : found;
      const context = rule.stage === "after-auth" ? contextOf(trip) : early;
      return then(ask(rule, context, trip), (question) => {
        if (question !== null) return question;
        throw new TypeError(
          `Cannot look up rule "${rule.name}" as it skips this request: current value is ${request.url}`,
        );
      });
    });
  }

  const throttle: Throttle = {
    rules: prepared,
    wrap(handler) {
      return (request, ...rest) => {
        if (isPreflight(request)) return handler(request, ...rest);
        const trip = tripOf(request, rest);
        return then(enter(trip), (refusal) => {
          if (refusal !== null) return refusal;
          const answered = rescue(() => handler(request, ...rest), (error) =>
            then(fail(trip), () => {
              throw error;
            }));
          return then(
            answered,
            (response) => then(count(trip, response), () => label(trip, response, false)),
          );
        });
      };
    },
    check(request, ...platform) {
      const trip = tripOf(request, platform);
      if (isPreflight(request)) return outcomeOf(trip, null);
      return then(enter(trip), (refusal) => outcomeOf(trip, refusal));
    },
    peek(request, ...platform) {
      const trip = tripOf(request, platform);
      if (isPreflight(request)) return [];
      return then(run(trip, false), () => trip.parts.map(({ decision }) => decision));
    },
    usage(name, key) {
      const rule = ruleNamed(name);
      const question = typeof key === "string" ? askByKey(rule, key) : askAbout(rule, key);
      return then(
        question,
        ({ check, refusal }) => refusal ?? then(store.decide([check], false), ([decision]) => decision),
      );
    },
    reset(name, key) {
      const rule = ruleNamed(name);
      if (store.forget === undefined) {
        throw new TypeError(
          `Cannot reset rule "${name}" as its store cannot forget: current value is ${shown(key)}`,
        );
      }
      const place = typeof key === "string"
        ? storageKey(rule, key)
        : then(askAbout(rule, key), ({ check }) => check.key);
      return then(place, (key) => store.forget?.(key));
    },
  };

  function askByKey(rule: PreparedRule, partition: string): Ask {
    if (rule.policy !== null) {
      return askOf(rule, partition, rule.policy, typeof rule.cost === "number" ? rule.cost : 1, clock);
    }
    throw new TypeError(
      `Cannot look up rule "${rule.name}" by its key alone as its rate depends on the request, so give a request: current value is ${
        shown(partition)
      }`,
    );
  }

  return throttle;
}

/**
 * A handler, throttled: what the rules refuse is answered with 429 and never reaches it, and every response
 * carries the rate headers.
 *
 * @param handler Takes a `Request`, and whatever else its server passes; gives a `Response` or the promise of one.
 * @param rules One rule or rate, several, or a {@link Throttle} made before.
 * @param options See {@link ThrottleOptions}; not beside a Throttle, which has its own.
 * @returns A handler of the same type, for `Deno.serve`, `Bun.serve`, Workers, Netlify, Vercel and frameworks alike.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used.
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
export function withThrottle<Rest extends unknown[]>(
  handler: Handler<Rest>,
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options?: ThrottleOptions,
): Handler<Rest> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot throttle this handler as it must be a function: current value is ${shown(handler)}`,
    );
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
