/**
 * Hono middleware for an app, a group or a route. Several throttles on one request add their rules to one
 * response. A middleware that dispatches a request again (`methodOverride`, `app.fetch` in a handler) belongs
 * before `throttle`. Otherwise the request passes `throttle` twice and is charged twice; under `concurrency`
 * with one slot it is refused, since it holds that slot itself.
 *
 * @example Sixty requests per minute for each client address, and five logins per quarter of an hour
 * ```ts
 * import { Hono } from "hono";
 * import { throttle, type ThrottleVariables } from "@weir/throttle/hono";
 * import { equal } from "node:assert/strict";
 *
 * const app = new Hono<{ Variables: ThrottleVariables }>();
 * const client = { address: () => "192.0.2.1" }; // on a server: the socket's peer, without this line
 *
 * app.use(throttle("60/min", { client }));
 * app.post("/login", throttle("5/15min", { client }), (c) => c.text("welcome"));
 * app.get("/left", (c) => c.json(c.get("throttle").decisions.map(({ remaining }) => remaining)));
 *
 * const login = () => app.request("/login", { method: "POST" });
 * for (let i = 0; i < 5; i++) equal((await login()).status, 200);
 * equal((await login()).status, 429);
 * equal(await (await app.request("/left")).text(), "[53]");
 * ```
 *
 * @module
 */

import { matchedRoutes } from "hono/route";
import { argumentsInEnv } from "../client/platforms.ts";
import type { Authenticate } from "../auth/authenticate.ts";
import type { Context, Identity } from "../context.ts";
import { exposing } from "../exchange/response.ts";
import { setFields } from "../headers/format.ts";
import { specificity } from "../rules/match.ts";
import type { MaybePromise } from "../maybe.ts";
import { THROTTLE_DEMANDS, type ThrottleOptions } from "../throttle/options.ts";
import type { RequestThrottle } from "../outcome.ts";
import type { Rate } from "../rules/rate.ts";
import { shown } from "../cannot.ts";
import { FUNCTION, requireOptions } from "../options.ts";
import { requireRequest } from "../exchange/require_request.ts";
import type { Rule } from "../rules/rule.ts";
import { waitUntil } from "../exchange/wait_until.ts";
import { isThrottle, makeThrottle, type Throttle, throttleFrom } from "../throttle/throttle.ts";
import { exchangeOf, setRoute } from "../exchange/exchange.ts";
import { requestThrottle } from "../exchange/request_throttle.ts";

/** The variables that {@link throttle} sets: `new Hono<{ Variables: ThrottleVariables }>()`. */
export interface ThrottleVariables {
  /** The decisions of the throttles so far, and the method to correct the request's cost. */
  throttle: RequestThrottle;
}

/** The part of Hono's context that {@link throttle} uses; the real context fits. */
export interface HonoContext {
  /** Hono's view of the request; `raw` is the `Request` itself. */
  readonly req: { readonly raw: Request };
  /** The error that a handler threw, after an error handler has answered it. */
  readonly error: Error | undefined;
  /** Is there a response yet? */
  readonly finalized: boolean;
  /**
   * The response; Hono creates an empty one when it is read too early. Setting undefined drops it and its
   * headers.
   */
  res: Response | undefined;
  /** The argument that the server passed to Hono. */
  readonly env: unknown;
  /** Workers' context; reading it throws where there is none. */
  readonly executionCtx: unknown;
  // Hono's own `get` and `set` know the variables of one app, so their types fit no other app.
  /** Reads a variable that an earlier middleware set. */
  // deno-lint-ignore no-explicit-any
  readonly get: any;
  /** Sets a variable for the handlers that follow. */
  // deno-lint-ignore no-explicit-any
  readonly set: any;
}

/** The options of {@link throttle}: {@link ThrottleOptions}, with functions of Hono's context. */
export interface HonoThrottleOptions<C extends HonoContext = HonoContext> extends ThrottleOptions {
  /**
   * The identity that an earlier middleware has found: `(c) => c.get("user")`, with an `id`. Null: anonymous.
   * It replaces `authenticate`.
   */
  identity?: (c: C) => MaybePromise<Identity | null>;
}

/** Hono middleware, for `app.use`, `app.get`, `app.post` and so on. */
export type HonoMiddleware<C extends HonoContext = HonoContext> = (
  c: C,
  next: () => Promise<void>,
) => Promise<void>;

/** A preflight passes every throttle, so there are no decisions, and nothing to settle. */
const NOTHING: RequestThrottle = { decisions: [], settle() {}, hold: () => () => {} };

/** These patterns match every request, so they name no route. */
const EVERYTHING = new Set(["*", "/*"]);

/**
 * Headers of a refusal that scripts of other origins may read without permission (Fetch, CORS-safelisted
 * response-header name).
 */
const SAFELISTED = new Set(["cache-control", "content-type"]);

/** The route of the handler, rather than of the middleware before it: the most specific pattern. */
function routeOf(c: HonoContext): string | null {
  const [route] = matchedRoutes(c as Parameters<typeof matchedRoutes>[0])
    .map(({ path }) => path)
    .filter((path) => !EVERYTHING.has(path))
    .sort((a, b) => specificity(b) - specificity(a));
  return route ?? null;
}

/** Workers' context, where there is one. */
function executionCtxOf(c: HonoContext): unknown {
  try {
    return c.executionCtx;
  } catch {
    return null;
  }
}

/**
 * Looks up the platform's `waitUntil` only when there is work for it: on other platforms the getter throws,
 * which would slow every request.
 */
function backgroundOf(c: HonoContext): { waitUntil(work: Promise<unknown>): void } {
  return {
    waitUntil(work) {
      waitUntil([executionCtxOf(c), ...argumentsInEnv(c.env)], work);
    },
  };
}

/**
 * Hono's setter copies the headers of the old response, old rate headers included, to the new one. So the old
 * one is dropped first.
 */
function replace(c: HonoContext, response: Response): void {
  c.res = undefined;
  c.res = response;
}

/** An earlier middleware may have set headers for any response: Hono's setter adds them to the refusal. */
function refuse(c: HonoContext, refusal: Response): void {
  const names = [...refusal.headers.keys()].filter((name) => !SAFELISTED.has(name));
  c.res = refusal;
  const { headers } = c.res!;
  if (headers.has("access-control-allow-origin")) setFields(headers, exposing(headers, names));
}

function throttleFor<C extends HonoContext>(
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options: HonoThrottleOptions<C> | undefined,
): Pick<Throttle, "wrap"> {
  if (isThrottle(rules) || options === undefined) return throttleFrom(rules, options);
  requireOptions(options, { ...THROTTLE_DEMANDS, identity: FUNCTION }, "create a throttle");
  const { identity, ...others } = options;
  if (identity === undefined) return makeThrottle(rules, others);
  if (others.authenticate !== undefined) {
    throw new TypeError(
      "Cannot create a throttle with both identity and authenticate as each identifies the client: " +
        `current value is ${shown(others.authenticate)}`,
    );
  }
  const authenticate: Authenticate = Object.assign(
    ({ platform: [c] }: Context) => identity(c as C),
    { isOver: true },
  );
  return makeThrottle(rules, { ...others, authenticate });
}

/**
 * Makes middleware from rules. A refused request is answered with 429 and goes no further; every other
 * response, errors and 404s included, has the rate headers. Handlers read the decisions in
 * `c.get("throttle")`.
 *
 * The functions of a rule (key, cost, rate and so on) find Hono's context in `context.platform[0]`. If the
 * rules have no pattern, `context.route` is Hono's pattern for the request.
 *
 * @param rules One rule or rate, several, or an existing {@link Throttle}.
 * @param options See {@link HonoThrottleOptions}; not allowed with a Throttle, which has its own.
 * @returns The middleware.
 * @throws {TypeError | RangeError} If a rule or an option is invalid, or on options beside a Throttle, or
 * `identity` beside `authenticate`; the message shows the value.
 *
 * @example A quota for each user that the middleware before has found
 * ```ts
 * import { Hono } from "hono";
 * import { byUser } from "@weir/throttle";
 * import { throttle, type ThrottleVariables } from "@weir/throttle/hono";
 * import { equal } from "node:assert/strict";
 *
 * const app = new Hono<{ Variables: ThrottleVariables & { user: { id: string } } }>();
 * app.use(async (c, next) => {
 *   c.set("user", { id: c.req.header("x-user") ?? "nobody" });
 *   await next();
 * });
 * app.use(throttle({ rate: "1/min", key: byUser() }, { identity: (c) => c.get("user") }));
 * app.get("/", (c) => c.text("hello"));
 *
 * const get = (user: string) => app.request("/", { headers: { "x-user": user } });
 * equal((await get("ann")).status, 200);
 * equal((await get("ann")).status, 429);
 * equal((await get("bob")).status, 200);
 * ```
 */
export function throttle<C extends HonoContext>(
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options?: HonoThrottleOptions<C>,
): HonoMiddleware<C> {
  const { wrap } = throttleFor(rules, options);
  return async (c, next) => {
    // Outside Hono the middleware receives another argument than Hono's context.
    const request: unknown = c.req?.raw ?? c;
    requireRequest(request);
    let passed = false;
    setRoute(request, () => routeOf(c));
    const handler = wrap(async (_request: Request, ..._platform: unknown[]) => {
      passed = true;
      const exchange = exchangeOf(request);
      c.set("throttle", exchange === undefined ? NOTHING : requestThrottle(exchange));
      await next();
      // Hono has already answered an error that a handler threw.
      if (exchange !== undefined) exchange.failed = c.error !== undefined;
      return c.res!;
    });
    const response = await handler(request, c, backgroundOf(c));
    if (!passed) refuse(c, response);
    else if (response !== c.res) replace(c, response);
  };
}
