/**
 * elysia-rate-limit in an Elysia app, with Elysia's own cost. It does not see the server's argument, so the
 * address is in the request.
 */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { Elysia } = await peer("elysia");
const { rateLimit } = await peer("elysia-rate-limit");

const ADDRESS = Symbol("address");

export function wrap(handler, { rules }) {
  const app = new Elysia();
  for (const { limit, windowMs } of rules) {
    app.use(
      rateLimit({
        max: limit,
        duration: windowMs,
        generator: (request) => request[ADDRESS],
      }),
    );
  }
  app.all("*", ({ request }) => handler(request));
  return (request, platform) => {
    request[ADDRESS] = addressOf(platform, request);
    return app.fetch(request);
  };
}
