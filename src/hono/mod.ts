/**
 * Hono middleware: for a whole app, a group or a route. Throttles that a request passes one after another join
 * into one report. A middleware that dispatches a request anew (`methodOverride`, `app.fetch` in a handler) belongs before
 * `throttle`: after it, the request passes `throttle` twice and is charged twice, and under `concurrency` with one slot it is
 * refused, as it holds that slot itself.
 *
 * @example Sixty requests a minute for each client address, and five logins per quarter of an hour
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
import { passedInEnv } from "../client/platforms.ts";
import type { Authenticate } from "../auth/authenticate.ts";
import type { Identity } from "../context.ts";
import type { Context } from "../context.ts";
import { expose } from "../throttle/write_headers.ts";
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
import { createThrottle, isThrottle, type Throttle, throttleFrom } from "../throttle/throttle.ts";
import { exchangeOf, requestThrottle, setRoute } from "../exchange/exchange.ts";

/** The variables that {@link throttle} sets: `new Hono<{ Variables: ThrottleVariables }>()`. */
export interface ThrottleVariables {
  /** What the throttles on the way here decided, and how to tell them the request's real cost. */
  throttle: RequestThrottle;
}

/** As much of Hono's context as {@link throttle} uses; the real one fits. */
export interface HonoContext {
  /** Hono's view of the request; `raw` is the request itself. */
  readonly req: { readonly raw: Request };
  /** What a handler threw, once an error handler has answered it. */
  readonly error: Error | undefined;
  /** Is there a response yet? */
  readonly finalized: boolean;
  /** The response; Hono makes an empty one for who reads it too early. Setting undefined forgets it and its headers. */
  res: Response | undefined;
  /** What the server passed to Hono. */
  readonly env: unknown;
  /** Workers' context; reading it throws where there is none. */
  readonly executionCtx: unknown;
  // Hono's own `get` and `set` know the variables of one app, and that of one app fits no other app's type.
  /** Reads a variable: what another middleware left. */
  // deno-lint-ignore no-explicit-any
  readonly get: any;
  /** Sets a variable for the handlers after. */
  // deno-lint-ignore no-explicit-any
  readonly set: any;
}

/** What the throttle of a middleware takes beside its rules: {@link ThrottleOptions}, and Hono's context. */
export interface HonoThrottleOptions<C extends HonoContext = HonoContext> extends ThrottleOptions {
  /**
   * Who is asking, as a middleware before this one found out: `(c) => c.get("user")`, with an `id`. Null: nobody is
   * known. It takes the place of `authenticate`.
   */
  identity?: (c: C) => MaybePromise<Identity | null>;
}

/** Hono middleware, for `app.use`, `app.get`, `app.post` and so on. */
export type HonoMiddleware<C extends HonoContext = HonoContext> = (
  c: C,
  next: () => Promise<void>,
) => Promise<void>;

/** A preflight passes every throttle, so nothing was decided and there is nothing to settle. */
const NOTHING: RequestThrottle = { decisions: [], settle() {} };

/** Everything matches these, so they tell nothing of a request. */
const EVERYTHING = new Set(["*", "/*"]);

/** Headers of a refusal that scripts of other origins may read anyway (Fetch, CORS-safelisted response-header name). */
const SAFELISTED = new Set(["cache-control", "content-type"]);

/** The route of the handler, rather than that of the middleware before it: the pattern that says the most. */
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

/** What keeps the platform alive is looked for when there is work for it: where there is none, the getter's error would cost every request. */
function keeperOf(c: HonoContext): { waitUntil(work: Promise<unknown>): void } {
  return {
    waitUntil(work) {
      waitUntil([executionCtxOf(c), ...passedInEnv(c.env)], work);
    },
  };
}

/** Hono adds the headers of the response that is there to a new one, old rate headers included: so it is taken away first. */
function replace(c: HonoContext, response: Response): void {
  c.res = undefined;
  c.res = response;
}

/** Middleware before this one may have left headers for whatever response comes: Hono's setter joins them. */
function refuse(c: HonoContext, refusal: Response): void {
  const names = [...refusal.headers.keys()].filter((name) => !SAFELISTED.has(name));
  c.res = refusal;
  expose(c.res!.headers, names);
}

function throttleFor<C extends HonoContext>(
  rules: Rate | Rule | readonly (Rate | Rule)[] | Throttle,
  options: HonoThrottleOptions<C> | undefined,
): Throttle {
  if (isThrottle(rules) || options === undefined) return throttleFrom(rules, options);
  requireOptions(options, { ...THROTTLE_DEMANDS, identity: FUNCTION }, "create a throttle");
  const { identity, ...others } = options;
  if (identity === undefined) return createThrottle(rules, others);
  if (others.authenticate !== undefined) {
    throw new TypeError(
      "Cannot create a throttle with both identity and authenticate as each says who is asking: " +
        `current value is ${shown(others.authenticate)}`,
    );
  }
  const authenticate: Authenticate = Object.assign(
    ({ platform: [c] }: Context) => identity(c as C),
    { isOver: true },
  );
  return createThrottle(rules, { ...others, authenticate });
}

/**
 * Makes middleware of rules. What they refuse is answered with 429 and goes no further; every other response, errors
 * and 404s included, carries the rate headers. Handlers find what was decided in `c.get("throttle")`.
 *
 * Keys, costs, rates and the other functions of a rule find Hono's context in `context.platform[0]`, and in
 * `context.route` Hono's pattern for the request when the rules have none.
 *
 * @param rules One rule or rate, several, or a {@link Throttle} made before.
 * @param options See {@link HonoThrottleOptions}; not beside a Throttle, which has its own.
 * @returns The middleware.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used, options stand beside a Throttle, or `identity` beside
 * `authenticate`; in a sentence with the value.
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
    // As middleware of anything but Hono it is given something else.
    const request: unknown = c.req?.raw ?? c;
    requireRequest(request);
    let passed = false;
    setRoute(request, () => routeOf(c));
    const handler = wrap(async (_request: Request, ..._platform: unknown[]) => {
      passed = true;
      const exchange = exchangeOf(request);
      c.set("throttle", exchange === undefined ? NOTHING : requestThrottle(exchange));
      await next();
      // What a handler throws, Hono has answered by now.
      if (exchange !== undefined) exchange.failed = c.error !== undefined;
      return c.res!;
    });
    const response = await handler(request, c, keeperOf(c));
    if (!passed) refuse(c, response);
    else if (response !== c.res) replace(c, response);
  };
}
