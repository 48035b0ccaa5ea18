/**
 * Imports every entry on the command line and constructs the usual objects of module load, while everything
 * that Workers forbid there throws. Prints "quiet" if nothing threw.
 */
import process from "node:process";

const touched: string[] = [];

function forbid(holder: object, names: readonly string[]): void {
  for (const name of names) {
    if (!(name in holder)) continue;
    const value = () => {
      touched.push(name);
      throw new Error(`${name} is not to be called at import or construction`);
    };
    Object.defineProperty(holder, name, { value, configurable: true, writable: true });
  }
}

forbid(globalThis, ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "requestIdleCallback"]);
forbid(globalThis, [
  "fetch",
  "WebSocket",
  "EventSource",
  "Worker",
  "BroadcastChannel",
  "XMLHttpRequest",
  "caches",
]);
forbid(Math, ["random"]);
forbid(crypto, ["getRandomValues", "randomUUID"]);
forbid(crypto.subtle, ["digest", "sign", "verify", "importKey", "generateKey", "deriveBits", "encrypt"]);

for (const entry of process.argv.slice(2)) await import(entry);
const {
  byApiKey,
  byGlobal,
  byHeader,
  byIp,
  byUser,
  compose,
  concurrency,
  createThrottle,
  detailJson,
  errorJson,
  firstOf,
  fixedWindow,
  gcra,
  logTo,
  memoryStore,
  openAiJson,
  problemJson,
  rateLimit,
  retryAfter,
  slidingLog,
  slidingWindow,
  stats,
  withThrottle,
  xRateLimit,
} = await import("../../mod.ts");

const sharedStore = { ...memoryStore(), run: () => Promise.resolve("done") };
const keys = [byIp(), byGlobal(), byHeader("x-key"), byUser(), byApiKey(), byApiKey({ secret: "s" })];
const algorithms = [fixedWindow(), gcra(), slidingLog(), slidingWindow()];
for (const reject of [problemJson(), detailJson(), errorJson(), openAiJson()]) {
  createThrottle([
    "60/min",
    { rate: { limit: 2 }, algorithm: concurrency({ lease: "1min" }), on: "GET /export" },
    ...[...keys, compose(...keys), firstOf(...keys)].map((key) => ({ rate: "5/15min", key, cost: () => 1 })),
    ...algorithms.map((algorithm) => (
      { rate: "9/s", algorithm, on: ["/api/*", "POST /login"], block: { after: 3, window: 60, for: 600 } }
    )),
  ], {
    store: memoryStore({ maxKeys: 1000 }),
    client: { trustedProxies: ["10.0.0.0/8"] },
    authenticate: () => null,
    headers: [
      xRateLimit(),
      rateLimit(),
      rateLimit({ draft: 7 }),
      rateLimit({ draft: 6 }),
      rateLimit({ draft: [11, "next"], pace: true }),
      retryAfter({ ms: true, jitter: 0.5 }),
    ],
    reject,
    observers: [() => {}, stats(), stats({ store: sharedStore }), logTo(console)],
  });
}
withThrottle(() => new Response("inside"), ["60/min", "1000/day"]);

console.log(touched.length === 0 ? "quiet" : `touched: ${touched.join(", ")}`);
