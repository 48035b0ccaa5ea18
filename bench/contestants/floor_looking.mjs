/**
 * The floor for responses of any origin: an upstream's quota headers stay, and scripts of other origins may
 * read them.
 */
import { wrap as byHand, xRateLimit } from "./floor.mjs";

const EXPOSED = "x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset";

function write(headers, rules, windows, now) {
  if (!headers.has("x-ratelimit-limit")) xRateLimit(headers, rules, windows, now);
  if (headers.has("access-control-allow-origin")) headers.append("access-control-expose-headers", EXPOSED);
}

export const wrap = (handler, options) => byHand(handler, { ...options, write });
