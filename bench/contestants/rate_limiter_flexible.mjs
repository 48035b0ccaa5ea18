/** rate-limiter-flexible, called directly: it decides, and its user writes the headers. */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis, RateLimiterSQLite } = await peer(
  "rate-limiter-flexible",
);

export function decider({ limit, windowMs }) {
  const limiter = new RateLimiterMemory({
    points: limit,
    duration: windowMs / 1000,
  });
  return (key) => limiter.consume(key).then(() => true, () => false);
}

export function wrap(handler, { rules }) {
  const limiters = rules.map(({ name, limit, windowMs }) =>
    new RateLimiterMemory({
      keyPrefix: name,
      points: limit,
      duration: windowMs / 1000,
    })
  );
  return async (request, platform) => {
    const address = addressOf(platform, request);
    let tight;
    let limit;
    for (let i = 0; i < limiters.length; i++) {
      try {
        const result = await limiters[i].consume(address);
        const share = result.remainingPoints / rules[i].limit;
        if (tight === undefined || share < tight.remainingPoints / limit) {
          [tight, limit] = [result, rules[i].limit];
        }
      } catch (result) {
        const seconds = String(Math.ceil(result.msBeforeNext / 1000));
        return new Response('{"title":"Too many requests","status":429}', {
          status: 429,
          headers: {
            "content-type": "application/problem+json",
            "x-ratelimit-limit": String(rules[i].limit),
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": seconds,
            "retry-after": seconds,
          },
        });
      }
    }
    const response = await handler(request, platform);
    response.headers.set("x-ratelimit-limit", String(limit));
    response.headers.set(
      "x-ratelimit-remaining",
      String(tight.remainingPoints),
    );
    response.headers.set(
      "x-ratelimit-reset",
      String(Math.ceil(tight.msBeforeNext / 1000)),
    );
    return response;
  };
}

/** Made once its table is. */
function onSqlite(options) {
  return new Promise((made, failed) => {
    const limiter = new RateLimiterSQLite(
      { ...options, storeType: "better-sqlite3", tableName: "limits" },
      (error) => error ? failed(error) : queueMicrotask(() => made(limiter)),
    );
  });
}

export async function shared({ rules, tcp, sqlite }) {
  const limiters = await Promise.all(rules.map(({ name, limit, windowMs }) => {
    const options = {
      storeClient: sqlite ?? tcp,
      keyPrefix: name,
      points: limit,
      duration: windowMs / 1000,
    };
    return sqlite ? onSqlite(options) : new RateLimiterRedis(options);
  }));
  return (client) =>
    Promise.all(limiters.map((limiter) => limiter.consume(client))).then(
      () => true,
      () => false,
    );
}

/** On Postgres, in one table that it makes by itself. */
export async function sharedOnPostgres({ rules, pool }) {
  const limiters = [];
  for (const { name, limit, windowMs } of rules) {
    const options = {
      storeClient: pool,
      tableName: "rlf",
      keyPrefix: name,
      points: limit,
      duration: windowMs / 1000,
    };
    limiters.push(
      await new Promise((made, failed) => {
        const limiter = new RateLimiterPostgres(options, (error) => error ? failed(error) : made(limiter));
      }),
    );
  }
  return (client) =>
    Promise.all(limiters.map((limiter) => limiter.consume(client))).then(
      () => true,
      () => false,
    );
}
