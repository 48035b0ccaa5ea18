/** express-rate-limit's memory store, called directly: its middleware works only in Express. */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { MemoryStore } = await peer("express-rate-limit");

function storeOf(windowMs) {
  const store = new MemoryStore();
  store.init({ windowMs });
  return store;
}

export function decider({ limit, windowMs }) {
  const store = storeOf(windowMs);
  return async (key) => (await store.increment(key)).totalHits <= limit;
}

export function wrap(handler, { rules }) {
  const stores = rules.map(({ windowMs }) => storeOf(windowMs));
  return async (request, platform) => {
    const address = addressOf(platform, request);
    let remaining = Infinity;
    let limit = 0;
    let seconds = 0;
    for (let i = 0; i < stores.length; i++) {
      const { totalHits, resetTime } = await stores[i].increment(address);
      const left = rules[i].limit - totalHits;
      if (left < remaining) {
        [remaining, limit] = [left, rules[i].limit];
        seconds = Math.ceil((resetTime.getTime() - Date.now()) / 1000);
      }
    }
    const response = remaining < 0
      ? new Response("Too many requests, please try again later.", {
        status: 429,
        headers: { "retry-after": String(seconds) },
      })
      : await handler(request, platform);
    response.headers.set("x-ratelimit-limit", String(limit));
    response.headers.set(
      "x-ratelimit-remaining",
      String(Math.max(0, remaining)),
    );
    response.headers.set("x-ratelimit-reset", String(seconds));
    return response;
  };
}
