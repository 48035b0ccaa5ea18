/** `node scripts/test_frameworks.mjs examples/astro_middleware.ts`: Astro with a server, in `src/middleware.ts`. */
import { withThrottle } from "@weir/throttle";
import type { MiddlewareHandler } from "astro";

const limit = withThrottle(
  (_request: Request, _client: { ip: string }, next: () => Promise<Response>) => next(),
  ["20/min", { name: "login", rate: "5/15min", on: "POST /login" }],
);

export const onRequest: MiddlewareHandler = (context, next) => {
  if (context.isPrerendered) return next(); // prerendering has no address
  return limit(context.request, { ip: context.clientAddress }, next);
};
