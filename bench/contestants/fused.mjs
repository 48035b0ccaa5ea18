/**
 * The least that one function needs to do what Weir's contract demands of a request under fixed windows per address. Nothing of it can
 * be configured: it has no other store, key, algorithm, header format or observer, no authentication and no paths.
 */
import { addressOf, runtime } from "../runtime.mjs";

const { addressKey, clientAddress } = await import(new URL("../../dist/mod.js", import.meta.url));

const MAX_KEYS = 1_000_000;
/** Where a request carries its checks, for its handler and for throttles within, and a response the request that it answers. */
const CHECKS = Symbol("checks");
const ANSWERED = Symbol("answered");
const [LIMIT, REMAINING, RESET] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

const texts = Array.from({ length: 16_384 }, (_, number) => String(number));
const decimal = (number) => texts[number] ?? String(number);

/** An IPv4 address is its own key; of an IPv6 address the network is. */
function keyOf(request, platform) {
  const address = addressOf(platform, request);
  if (typeof address === "string" && !address.includes(":")) return address;
  const canonical = clientAddress(request, [platform]);
  if (canonical === null) throw new TypeError("The client has no address.");
  return addressKey(canonical);
}

/** A rule's part in a request, with numbers of its own: later requests change the window. */
class Check {
  constructor(rule, key, now) {
    this.rule = rule;
    this.window = rule.windows.get(key);
    if (this.window === undefined || now >= this.window.end) {
      const isFull = this.window === undefined && rule.windows.size >= MAX_KEYS;
      if (isFull) rule.windows.delete(rule.windows.keys().next().value);
      rule.windows.set(key, this.window = { end: now + rule.windowMs, used: 0 });
    }
    this.remaining = rule.limit - this.window.used;
    this.resetAfterMs = this.window.end - now;
  }
}

/** Of the checks of a request that passes; a field of an upstream, or of a throttle within, stays where it is tighter. */
function write(headers, checks) {
  let tightest = checks[0];
  for (const check of checks) {
    if (check.remaining / check.rule.limit < tightest.remaining / tightest.rule.limit) tightest = check;
  }
  const { rule, remaining, resetAfterMs } = tightest;
  const share = headers.has(LIMIT) ? Number(headers.get(REMAINING)) / Number(headers.get(LIMIT)) : Infinity;
  if (!(share <= remaining / rule.limit)) {
    headers.set(LIMIT, rule.text);
    headers.set(REMAINING, decimal(remaining));
    headers.set(RESET, decimal(Math.ceil(resetAfterMs / 1000)));
  }
  if (headers.has("access-control-allow-origin")) {
    headers.append("access-control-expose-headers", `${LIMIT}, ${REMAINING}, ${RESET}`);
  }
}

/** A handler may give one response time and again, one that cannot be changed, or none, as it upgraded the connection. */
function label(given, request) {
  if (typeof given?.headers?.set !== "function" || given.status < 200) return given;
  const response = (given[ANSWERED] ?? request) === request ? given : new Response(given.body, given);
  try {
    response[ANSWERED] = request;
    write(response.headers, request[CHECKS]);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    write(copy.headers, request[CHECKS]);
    return copy;
  }
}

function denialOf(refusing, { rule, seconds }) {
  const body = JSON.stringify({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail: `${rule.limit} requests per ${rule.windowMs / 60_000} minutes; try again in ${seconds} seconds`,
    "violated-policies": refusing.map(({ rule }) => rule.name),
  });
  const wait = decimal(seconds);
  const fields = { "content-type": "application/problem+json", "cache-control": "no-store" };
  const headers = { ...fields, [LIMIT]: rule.text, [REMAINING]: "0", [RESET]: wait, "retry-after": wait };
  return { refusing, seconds, body, headers, response: new Response(body, { status: 429, headers }) };
}

export function wrap(handler, { rules: given }) {
  const rules = given.map((rule) => ({ ...rule, text: String(rule.limit), windows: new Map() }));
  /** The latest denial: a flood is refused by the same few. */
  let last = null;

  function refuse(request, checks) {
    const refusing = checks.filter(({ remaining }) => remaining <= 0);
    const { rule, resetAfterMs } = refusing.reduce((a, b) => b.resetAfterMs > a.resetAfterMs ? b : a);
    const seconds = Math.max(1, Math.ceil(resetAfterMs / 1000));
    const isSame = last?.seconds === seconds && last.refusing.length === refusing.length &&
      refusing.every((check, i) => check.rule === last.refusing[i].rule);
    if (!isSame) last = denialOf(refusing, { rule, seconds });
    // Node takes longer to copy a response than to make one.
    if (request.method !== "HEAD" && runtime !== "node") return last.response.clone();
    const body = request.method === "HEAD" ? null : last.body;
    return new Response(body, { status: 429, headers: { ...last.headers } });
  }

  return (request, platform) => {
    if (typeof request?.method !== "string") throw new TypeError("It must be a Request.");
    const isPreflight = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
    if (isPreflight) return handler(request, platform);
    const key = keyOf(request, platform);
    const now = Date.now();
    const checks = rules.map((rule) => new Check(rule, key, now));
    request[CHECKS] = checks;
    for (const { remaining } of checks) if (remaining <= 0) return refuse(request, checks);
    for (const check of checks) {
      check.window.used++;
      check.remaining--;
    }
    const response = handler(request, platform);
    return typeof response?.then === "function"
      ? response.then((arrived) => label(arrived, request))
      : label(response, request);
  };
}
