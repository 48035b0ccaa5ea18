/** elysia-rate-limit in an Elysia app, Elysia's own cost included. It does not see what the server passes, so the address is on the request. */
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
