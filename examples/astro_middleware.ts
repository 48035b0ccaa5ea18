/** `node scripts/test_frameworks.mjs examples/astro_middleware.ts`: Astro with a server, in `src/middleware.ts`. */
import { withThrottle } from "@weir/throttle";
import type { MiddlewareHandler } from "astro";

/** The visitor, and whether a `rewrite` asks for another page to answer the same request. */
interface Caller {
  ip: string;
  isRewritten: boolean;
}

const limit = withThrottle(
  (_request: Request, _caller: Caller, next: () => Promise<Response>) => next(),
  [
    { rate: "20/min", unless: ({ platform: [caller] }) => (caller as Caller).isRewritten },
    { name: "login", rate: "5/15min", on: "POST /login" },
  ],
);

/** The locals of requests that have been here: Astro makes them once per request. */
const known = new WeakSet<object>();

export const onRequest: MiddlewareHandler = (context, next) => {
  if (context.isPrerendered) return next(); // prerendering has no address
  const isRewritten = known.has(context.locals);
  known.add(context.locals);
  return limit(context.request, { ip: context.clientAddress, isRewritten }, next);
};
