/**
 * One request on its way through one throttle: the context of its functions, and its decisions.
 *
 * @module
 */

import type { ExplainsAddress } from "../client/missing.ts";
import { hasLeft, UNIX } from "../client/peer.ts";
import type { Context, Identity } from "../context.ts";
import type { Route } from "../rules/match.ts";
import type { MaybePromise } from "../maybe.ts";
import type { ChargedDecision } from "../decision.ts";
import type { SplitCheck } from "../stores/store.ts";
import type { RuleCheck } from "./rule_check.ts";
import { routeBeside } from "./route_beside.ts";

/** The functions of its throttle that an exchange calls. */
export interface ThrottleCore {
  /** The client's address; {@link UNIX} for a peer on a Unix socket, which has none. */
  addressOf(request: Request, platform: readonly unknown[]): string | null;
  /** Explains why a request has no address. */
  explainAddress(request: Request, platform: readonly unknown[]): string;
  /** Corrects a charge; false when the throttle has no rule of that name. */
  settle(exchange: Exchange, rule: string, cost: number): MaybePromise<void> | false;
  /** Gives back the slots that the exchange holds, unless they are kept for longer. */
  release(exchange: Exchange): MaybePromise<unknown>;
  /** Asks the store to correct a charge. */
  correct(checks: readonly SplitCheck[]): MaybePromise<readonly ChargedDecision[]>;
}

/** Slots that are kept beyond the response. */
export interface Hold {
  /** The number of holds that have not ended. */
  times: number;
  /** Is the response over, so that nothing else keeps them? */
  isOver: boolean;
  /** Ends their renewal. */
  end(): void;
}

const NONE: readonly RuleCheck[] = [];

/** The number of requests that have passed throttles. */
let passages = 0;

/**
 * Where a request carries its exchange. A property costs a fifth of what a WeakMap does, and every request pays it. Another copy of
 * the package in this process finds it by the same name, and uses its members and those of its checks: a change of their
 * meaning changes the version in the name.
 */
const EXCHANGE = /* @__PURE__ */ Symbol.for("@weir/throttle/exchange.v1");

/** Where a framework's adapter names the route that a request takes. */
const ROUTE = /* @__PURE__ */ Symbol.for("@weir/throttle/route.v1");

interface Carrier {
  [EXCHANGE]?: Exchange;
  [ROUTE]?: () => string | null;
}

/** The values of requests that cannot carry them: frozen ones, some proxies. Made for the first such request. */
let carriers: WeakMap<Request, Carrier> | null = null;

/** Keeps a value for a request that cannot carry it. */
function carry(request: Request, name: typeof EXCHANGE | typeof ROUTE, value: unknown): void {
  carriers ??= new WeakMap();
  carriers.set(request, { ...carriers.get(request), [name]: value });
}

/** The innermost exchange that a request is on, or was on last. */
export function exchangeOf(request: Request): Exchange | undefined {
  return (request as Request & Carrier)[EXCHANGE] ?? carriers?.get(request)?.[EXCHANGE];
}

function frameworkRoute(request: Request): Carrier[typeof ROUTE] {
  return (request as Request & Carrier)[ROUTE] ?? carriers?.get(request)?.[ROUTE];
}

/**
 * Sets the route that a framework matched, for the rules that have no pattern of their own for it.
 *
 * @param request The request.
 * @param route Gives the pattern, never the raw path. Asked only when somebody wants to know.
 */
export function setRoute(request: Request, route: () => string | null): void {
  try {
    (request as Request & Carrier)[ROUTE] = route;
  } catch {
    carry(request, ROUTE, route);
  }
}

/** The exchange around a new one through `throttle`: one that still lasts, through another throttle. */
function enclosing(last: Exchange, throttle: ThrottleCore): Exchange | null {
  let found: Exchange | null = last;
  for (let level: Exchange | null = last; level !== null; level = level.outer) {
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
  /** The checks that are decided so far. */
  declare checks: readonly RuleCheck[];
  /** The checks that the store is deciding now. */
  declare asked: readonly RuleCheck[];
  /** Undefined until authentication is over. */
  declare who: Identity | null | undefined;
  /** Has the request been answered, or failed? A later passage of the same Request object is another exchange. */
  declare ended: boolean;
  /** The first exchange of those that the request is on at the same time. */
  declare readonly root: Exchange;
  /** The number of the root: one for all throttles that a request passes. */
  declare readonly passage: number;
  /** Ms spent on deciding, for observers; while that goes on, less the time at which it began. */
  declare spentMs: number;
  /** Did the handler throw, and a framework made a response of the error? Whatever its status, that is a failure. */
  declare failed?: boolean;
  /** The slots that outlast the response, if any are to. */
  declare hold: Hold | null;
  /** The status of the response that authentication gave instead of an identity; not set for any other request. */
  declare turnedAway?: number;
  /** The response whose body is counted while it is sent, instead of the handler's; not set for any other request. */
  declare counted?: Response;
  /** Was the client's address asked for in vain, as the client has left? */
  declare clientLeft?: boolean;
  declare private found?: string | null;

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
    // `exchangeOf`, written out: every request comes here, and this is a call less.
    const last = (request as Request & Carrier)[EXCHANGE] ?? carriers?.get(request)?.[EXCHANGE];
    this.outer = last ? enclosing(last, throttle) : null;
    this.root = !last || last.root.ended ? this : last.root;
    this.passage = this.root === this ? ++passages : this.root.passage;
    this.checks = NONE;
    this.asked = NONE;
    this.who = undefined;
    this.ended = false;
    this.spentMs = 0;
    this.hold = null;
    if (!spend) return;
    // From now on the request's handler finds this exchange by its request.
    try {
      (request as Request & Carrier)[EXCHANGE] = this;
    } catch {
      carry(request, EXCHANGE, this);
    }
  }

  get route(): string | null {
    return this.matched.pattern ?? frameworkRoute(this.request)?.() ?? routeBeside(this.platform);
  }

  get address(): string | null {
    const { request, platform } = this;
    try {
      this.find();
    } catch (error) {
      if (!hasLeft(request, platform)) throw error;
    }
    if (this.found === undefined) this.clientLeft = hasLeft(request, platform);
    return this.found ??= null;
  }

  /** Finds the address, unless it is known already. */
  private find(): void {
    if (this.found !== undefined) return;
    const found = this.throttle.addressOf(this.request, this.platform);
    if (found !== null) this.found = found === UNIX ? null : found;
  }

  /** Reads the address while it is there: a closed socket forgets its peer, and an awaited function may outlast the client. */
  keepAddress(): void {
    try {
      this.find();
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

/** Puts the checks of both stages into rule order: decisions are shown in that, whatever their stage. */
export function sortChecks(exchange: Exchange): void {
  exchange.checks = [...exchange.checks].sort((a, b) => a.rule.index - b.rule.index);
}
