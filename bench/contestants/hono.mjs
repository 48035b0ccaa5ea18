/** Hono with only the handler: the base of hono-rate-limiter and hitlimit. */
import { peer } from "../peers.mjs";

const { Hono } = await peer("hono");

export function wrap(handler) {
  const app = new Hono();
  app.all("*", ({ req, env }) => handler(req.raw, env));
  return (request, platform) => app.fetch(request, platform);
}
