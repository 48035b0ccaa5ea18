/**
 * One request on its way through one throttle: what its functions may know of it, and what was decided.
 *
 * @module
 */

import type { Identity } from "../context.ts";
import type { ExplainsAddress } from "../client/missing.ts";
import { hasLeft } from "../client/peer.ts";
import type { Context } from "../context.ts";
import type { Decision } from "../decision.ts";
import type { Route } from "../rules/match.ts";
import type { MaybePromise } from "../maybe.ts";
import type { RequestThrottle } from "../outcome.ts";
import type { RuleCheck } from "./rule_check.ts";
import { cannot, shown } from "../cannot.ts";
import { requireRequest } from "./require_request.ts";
import { routeBeside } from "./route_beside.ts";
import { isCost } from "../rules/prepare_rules.ts";

export type { RuleCheck };

/** What an exchange needs of its throttle. */
export interface ThrottleCore {
  /** The client's address. */
  addressOf(request: Request, platform: readonly unknown[]): string | null;
  /** Explains why a request has no address. */
  explainAddress(request: Request, platform: readonly unknown[]): string;
  /** Corrects a charge; false when the throttle has no rule of that name. */
  settle(exchange: Exchange, rule: string, cost: number): MaybePromise<void> | false;
}

const NONE: readonly RuleCheck[] = [];

/** How many requests have passed throttles. */
let passages = 0;

/**
 * Where a request carries its exchange. A property costs a fifth of what a WeakMap does, and every request pays it. Another copy of
 * the package in this process finds it by the same name, and uses `owner`, `outer`, `over`, `parts` and their `decision`: who
 * changes the meaning of one of them changes the version in the name.
 */
const TRIP = /* @__PURE__ */ Symbol.for("@weir/throttle/exchange.v1");

/** Where a framework's adapter tells which of its own routes a request takes. */
const ROUTE = /* @__PURE__ */ Symbol.for("@weir/throttle/route.v1");

interface Carrier {
  [TRIP]?: Exchange;
  [ROUTE]?: () => string | null;
}

/** What is carried for the requests that cannot: frozen ones, some proxies. Made when there is one. */
let carriers: WeakMap<Request, Carrier> | null = null;

/** Gives a request something to carry. */
function load(request: Request, name: typeof TRIP | typeof ROUTE, value: unknown): void {
  try {
    (request as Request & Record<symbol, unknown>)[name] = value;
  } catch {
    carriers ??= new WeakMap();
    carriers.set(request, { ...carriers.get(request), [name]: value });
  }
}

/** The innermost exchange that a request is on, or was on last. */
export function exchangeOf(request: Request): Exchange | undefined {
  return (request as Request & Carrier)[TRIP] ?? carriers?.get(request)?.[TRIP];
}

function routeTold(request: Request): Carrier[typeof ROUTE] {
  return (request as Request & Carrier)[ROUTE] ?? carriers?.get(request)?.[ROUTE];
}

/**
 * Tells the route that a framework matched, for the rules that have no pattern of their own for it.
 *
 * @param request The request.
 * @param route Gives the pattern, never the raw path. Asked only when somebody wants to know.
 */
export function setRoute(request: Request, route: () => string | null): void {
  load(request, ROUTE, route);
}

/** The exchange around a new one by `owner`: one that still lasts, through another throttle. */
function enclosing(last: Exchange | undefined, throttle: ThrottleCore): Exchange | null {
  let found = last ?? null;
  for (let level = found; level !== null; level = level.outer) {
    if (level.ended || level.throttle === throttle) found = level.outer;
  }
  return found;
}

/**
 * The context that a throttle's functions get, and the throttle's own notes beside it. A class, as its
 * getters would cost an object literal more than the rest of a decision. Members are declared as those of {@link RuleCheck} are.
 */
export class Exchange implements Context, ExplainsAddress {
  declare readonly request: Request;
  declare readonly platform: readonly unknown[];
  /** The rules that the request is under. */
  declare readonly matched: Route;
  declare readonly throttle: ThrottleCore;
  /** False for a peek. */
  declare readonly spend: boolean;
  /** The exchange through the throttle around this one. */
  declare readonly outer: Exchange | null;
  /** What was decided so far. */
  declare checks: readonly RuleCheck[];
  /** What the store is being asked. */
  declare asked: readonly RuleCheck[];
  /** Undefined until authentication is over. */
  declare who: Identity | null | undefined;
  /** Has the request been answered, or failed? What happens to the same Request object after that is another exchange. */
  declare ended: boolean;
  /** The first exchange of those that the request is on at the same time. */
  declare readonly root: Exchange;
  /** The number of the root: one for all throttles that a request passes. */
  declare readonly passage: number;
  /** Ms spent on deciding, for observers; while that goes on, less the time at which it began. */
  declare spentMs: number;
  /** Did the handler throw, and a framework made a response of the error? Whatever its status, that is a failure. */
  declare failed: boolean;
  /** Was the client's address asked for in vain, as the client has left? */
  declare clientLeft: boolean;
  declare private found: string | null | undefined;

  constructor(
    request: Request,
    platform: readonly unknown[],
    matched: Route,
    throttle: ThrottleCore,
    spend: boolean,
  ) {
    this.request = request;
    this.platform = platform;
    this.matched = matched;
    this.throttle = throttle;
    this.spend = spend;
    const last = exchangeOf(request);
    this.outer = enclosing(last, throttle);
    this.root = last === undefined || last.root.ended ? this : last.root;
    this.passage = this.root === this ? ++passages : this.root.passage;
    this.checks = NONE;
    this.asked = NONE;
    this.who = undefined;
    this.ended = false;
    this.spentMs = 0;
    this.failed = false;
    this.clientLeft = false;
    this.found = undefined;
  }

  get route(): string | null {
    return this.matched.pattern ?? routeTold(this.request)?.() ?? routeBeside(this.platform);
  }

  get address(): string | null {
    return this.found === undefined ? this.findAddress() : this.found;
  }

  private findAddress(): string | null {
    const { throttle: throttle, request, platform } = this;
    try {
      this.found = throttle.addressOf(request, platform);
      if (this.found === null) this.clientLeft = hasLeft(request, platform);
    } catch (error) {
      this.clientLeft = hasLeft(request, platform);
      if (!this.clientLeft) throw error;
      this.found = null;
    }
    return this.found;
  }

  /** Reads the address while it is there: a socket forgets its peer when it closes, and what is awaited may outlast the client. */
  keepAddress(): void {
    if (this.found !== undefined) return;
    try {
      this.found = this.throttle.addressOf(this.request, this.platform) ?? undefined;
    } catch {
      // It is thrown again, at the function that asks for the address.
    }
  }

  explainAddress(): string {
    return this.throttle.explainAddress(this.request, this.platform);
  }

  get identity(): Identity | null {
    if (this.who !== undefined) return this.who;
    throw new TypeError(
      "Cannot read context.identity before authentication: " +
        'give the rule `stage: "after-auth"`, or a key that runs then (byUser)',
    );
  }
}

/** Makes an exchange findable by its request. */
export function attach(exchange: Exchange): void {
  load(exchange.request, TRIP, exchange);
}

/** {@link RequestThrottle.settle} of an exchange and of those around it. */
export function settler(exchange: Exchange): RequestThrottle["settle"] {
  return (rule, cost) => {
    if (!isCost(cost)) {
      throw new RangeError(
        cannot(`settle rule ${shown(rule)}`, "cost must be an integer of at least 0", cost),
      );
    }
    for (let level: Exchange | null = exchange; level !== null; level = level.outer) {
      const settled = level.throttle.settle(level, rule, cost);
      if (settled !== false) return settled;
    }
    throw new TypeError(
      `Cannot settle a rule that no throttle of this request has: current value is ${shown(rule)}`,
    );
  };
}

/** What a handler sees of an exchange and of those around it. */
export function requestThrottle(exchange: Exchange): RequestThrottle {
  return {
    get decisions() {
      const decisions: Decision[] = [];
      for (let level: Exchange | null = exchange; level !== null; level = level.outer) {
        decisions.unshift(...level.checks.map(({ decision }) => decision));
      }
      return decisions;
    },
    settle: settler(exchange),
  };
}

/**
 * What the throttles around a handler decided about its request, and how to tell them its real cost.
 *
 * @param request The request that the handler was given.
 * @returns Undefined for a request that came through no throttle.
 * @throws {TypeError} When it is no Request.
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
  requireRequest(request);
  const exchange = exchangeOf(request);
  return exchange === undefined ? undefined : requestThrottle(exchange);
}
