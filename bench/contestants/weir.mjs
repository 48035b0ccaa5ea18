/** Weir, as `npm run build` makes it, or from the folder in WEIR. */
import process from "node:process";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.env.WEIR ?? "dist"}/`);
const load = (file) => import(new URL(file, folder));
const weir = await load("mod.js");
const { byGlobal, memoryStore, rateLimit, retryAfter, withThrottle } = weir;

/** An algorithm by its name. */
function algorithmOf({ name = "fixedWindow", options, limit, windowMs, block }) {
  const algorithm = weir[name](options);
  const rate = name === "concurrency" ? { limit } : { limit, window: windowMs / 1000 };
  return weir.createThrottle({ rate, algorithm, block }).rules[0].implementation;
}

/** A check as a throttle makes one per rule and request: it receives the verdict. */
class OpenCheck {
  constructor(rule, partition) {
    this.rule = rule;
    this.partition = partition;
    this.policy = rule.policy;
    this.cost = 1;
    this.allowed = false;
    this.remaining = 0;
    this.resetAfterMs = 0;
    this.retryAfterMs = 0;
    this.blockedMs = 0;
    this.source = null;
    this.at = 0;
    this.chargedAt = 0;
  }

  get stateName() {
    return this.rule.stateName;
  }

  get algorithm() {
    return this.rule.algorithm;
  }

  get since() {
    return null;
  }
}

/** The store alone, called like a throttle calls it. */
export function decider({ limit, windowMs, maxKeys = 1_000_000, algorithm }) {
  const store = memoryStore({ maxKeys });
  const rule = {
    policy: { name: "rule", limit, windowMs, mode: "enforce" },
    algorithm: algorithmOf({ limit, windowMs, ...algorithm }),
    // Named like a throttle's: then the store looks up the partition alone.
    stateName: "rule",
  };
  return (partition) => {
    const open = new OpenCheck(rule, partition);
    store.answer([open], true);
    return open.allowed;
  };
}

const written = ({ name, limit, windowMs, trial }) => ({
  name,
  rate: { limit, window: windowMs / 1000 },
  ...trial === undefined ? {} : { trial: { limit: trial, window: windowMs / 1000 } },
});

export function wrap(handler, { rules, headers, store }) {
  return withThrottle(handler, rules.map(written), {
    headers: headers === 3 ? undefined : [rateLimit(), retryAfter()],
    store,
  });
}

/** The same with rules for an endpoint, a group and a parameter, so that paths dominate. */
export function onPaths(handler) {
  const rules = ["POST /login", "/api/*", "/items/:id"].map((on) => ({
    on,
    rate: "1000000000/min",
    key: byGlobal(),
  }));
  return withThrottle(handler, rules);
}

/** In ms: the benchmark measures the time of answers, so no deadline may end one on a busy machine. */
const PATIENCE = 60_000;

/** Decides a client's request under rules on a shared store, without a handler; by another build, if its file is given. */
export async function shared({ rules, tcp, http, sqlite, algorithm: name = "fixedWindow", build }) {
  const { createThrottle, redisStore, [name]: algorithm } = build === undefined
    ? { ...weir, ...tcp && await load("src/stores/redis/mod.js") }
    : await import(pathToFileURL(build));
  const store = sqlite
    ? (await load("src/stores/sqlite/mod.js")).sqliteStore({ database: sqlite, timeoutMs: PATIENCE })
    : tcp
    ? redisStore({ client: tcp, timeoutMs: PATIENCE })
    : (await load("src/stores/upstash/mod.js")).upstashStore({
      url: http.url,
      token: http.token,
      timeoutMs: PATIENCE,
    });
  return decidingOn(store, rules, createThrottle, algorithm);
}

/** The same on Postgres. */
export async function sharedOnPostgres({ rules, pool, durable }) {
  const { postgresStore } = await load("src/stores/postgres/mod.js");
  const store = postgresStore({ client: pool, durable, timeoutMs: PATIENCE });
  return decidingOn(store, rules, weir.createThrottle, weir.fixedWindow);
}

function decidingOn(store, rules, createThrottle, algorithm) {
  // A throttle tells the store its rules.
  const { rules: compiled } = createThrottle(
    rules.map((rule) => ({ ...written(rule), algorithm: algorithm() })),
    { store },
  );
  const checks = compiled.map(({ name, limit, windowMs, mode, implementation }) => ({
    policy: { name, limit, windowMs, mode },
    ...{ algorithm: implementation, cost: 1, since: null },
  }));
  const isAllowed = (decisions) => decisions.every(({ allowed }) => allowed);
  return (client) => {
    // Copied by name, as a throttle does: Node 20 takes 0.7 us to spread one.
    const decisions = store.decide(
      checks.map(({ policy, algorithm, cost, since }) => ({
        key: `${policy.name}:${client}`,
        policy,
        algorithm,
        cost,
        since,
      })),
    );
    // A store in the process answers without a promise.
    return decisions instanceof Promise ? decisions.then(isAllowed) : isAllowed(decisions);
  };
}

/** Decides about one key under one algorithm on Redis; the caller chooses the cost and the charge to correct. */
export async function single({ tcp, limit, windowMs, algorithm }) {
  const store = (await load("src/stores/redis/mod.js")).redisStore({ client: tcp, timeoutMs: PATIENCE });
  const implementation = algorithmOf({ limit, windowMs, ...algorithm });
  const policy = { name: "rule", limit, windowMs, mode: "enforce" };
  return (cost, since = null) =>
    store.decide([{ key: "rule:somebody", policy, algorithm: implementation, cost, since }]);
}
