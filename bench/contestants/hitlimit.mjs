/** hitlimit, by its Hono middleware; decisions by its memory store. */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { hitlimit } = await peer("@joint-ops/hitlimit/hono");
const { memoryStore } = await peer("@joint-ops/hitlimit/stores/memory");
const { Hono } = await peer("hono");

export function decider({ limit, windowMs }) {
  const store = memoryStore();
  return (key) => store.hit(key, windowMs, limit).count <= limit;
}

export function wrap(handler, { rules }) {
  const app = new Hono();
  for (const { limit, windowMs } of rules) {
    const headers = { standard: false, legacy: true, retryAfter: true };
    app.use(
      hitlimit({
        limit,
        window: windowMs,
        headers,
        key: ({ env, req }) => addressOf(env, req.raw),
      }),
    );
  }
  app.all("*", ({ req, env }) => handler(req.raw, env));
  return (request, platform) => app.fetch(request, platform);
}
