/** The floor: minimal handwritten code. */
import { addressOf } from "../runtime.mjs";

/** A fixed window per key, in a Map. */
export function decider({ limit, windowMs }) {
  const windows = new Map();
  return (key) => {
    const now = Date.now();
    const window = windows.get(key);
    if (window === undefined || now >= window.end) {
      windows.set(key, { end: now + windowMs, used: 1 });
      return true;
    }
    if (window.used >= limit) return false;
    window.used++;
    return true;
  };
}

function openWindow(rule, address, now) {
  const window = rule.windows.get(address);
  if (window !== undefined && now < window.end) return window;
  const opened = { end: now + rule.windowMs, used: 0 };
  rule.windows.set(address, opened);
  return opened;
}

function refusal(rule, seconds) {
  return new Response('{"title":"Too many requests","status":429}', {
    status: 429,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-ratelimit-limit": rule.text,
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(seconds),
      "retry-after": String(seconds),
    },
  });
}

export function xRateLimit(headers, rules, windows, now) {
  let tight = 0;
  let share = Infinity;
  for (let i = 0; i < rules.length; i++) {
    const left = (rules[i].limit - windows[i].used) / rules[i].limit;
    if (left < share) [tight, share] = [i, left];
  }
  headers.set("x-ratelimit-limit", rules[tight].text);
  headers.set(
    "x-ratelimit-remaining",
    String(rules[tight].limit - windows[tight].used),
  );
  headers.set(
    "x-ratelimit-reset",
    String(Math.ceil((windows[tight].end - now) / 1000)),
  );
}

function rateLimit(headers, rules, windows, now) {
  let policies = "";
  let states = "";
  for (let i = 0; i < rules.length; i++) {
    const comma = i === 0 ? "" : ", ";
    policies += comma + rules[i].policy;
    const seconds = Math.ceil((windows[i].end - now) / 1000);
    states += `${comma}${rules[i].start}${rules[i].limit - windows[i].used};t=${seconds}`;
  }
  headers.set("ratelimit-policy", policies);
  headers.set("ratelimit", states);
}

/** The rules of a wrapper, with their constant parts computed ahead. */
function prepared(rules) {
  return rules.map((rule) => ({
    ...rule,
    text: String(rule.limit),
    policy: `"${rule.name}";q=${rule.limit};w=${rule.windowMs / 1000}`,
    start: `"${rule.name}";r=`,
    windows: new Map(),
  }));
}

/**
 * Every rule must allow; a refusal charges no rule. It writes three X-RateLimit headers, or the two of the
 * IETF's draft. It omits everything else: trusted proxies, existing headers, failing stores.
 *
 * @param write Writes the headers; replaceable.
 */
export function wrap(
  handler,
  { rules: given, headers: count, write = count === 3 ? xRateLimit : rateLimit },
) {
  const rules = prepared(given);
  return async (request, platform) => {
    const address = addressOf(platform, request);
    const now = Date.now();
    const windows = [];
    for (const rule of rules) {
      const window = openWindow(rule, address, now);
      if (window.used >= rule.limit) {
        return refusal(rule, Math.ceil((window.end - now) / 1000));
      }
      windows.push(window);
    }
    for (const window of windows) window.used++;
    const response = await handler(request, platform);
    write(response.headers, rules, windows, now);
    return response;
  };
}

/** The same for synchronous handlers: nothing is awaited. */
export function wrapNow(handler, { rules: given, headers: count }) {
  const rules = prepared(given);
  const write = count === 3 ? xRateLimit : rateLimit;
  return (request, platform) => {
    const address = addressOf(platform, request);
    const now = Date.now();
    const windows = [];
    for (const rule of rules) {
      const window = openWindow(rule, address, now);
      if (window.used >= rule.limit) {
        return refusal(rule, Math.ceil((window.end - now) / 1000));
      }
      windows.push(window);
    }
    for (const window of windows) window.used++;
    const response = handler(request, platform);
    write(response.headers, rules, windows, now);
    return response;
  };
}
