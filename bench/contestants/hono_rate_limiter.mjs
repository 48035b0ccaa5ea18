/** hono-rate-limiter in a Hono app. It works only in Hono, so Hono's own cost is included. */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { Hono } = await peer("hono");
const { MemoryStore, rateLimiter } = await peer("hono-rate-limiter");

export function decider({ limit, windowMs }) {
  const store = new MemoryStore();
  store.init({ windowMs });
  return (key) => store.increment(key).totalHits <= limit;
}

export function wrap(handler, { rules }) {
  const app = new Hono();
  for (const { limit, windowMs } of rules) {
    app.use(
      rateLimiter({
        limit,
        windowMs,
        keyGenerator: ({ env, req }) => addressOf(env, req.raw),
      }),
    );
  }
  app.all("*", ({ req, env }) => handler(req.raw, env));
  return (request, platform) => app.fetch(request, platform);
}
