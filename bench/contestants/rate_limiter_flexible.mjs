/** rate-limiter-flexible, called directly: it decides, and its user writes the headers. */
import { addressOf } from "../runtime.mjs";
import { peer } from "../peers.mjs";

const { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis } = await peer(
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

export function shared({ rules, tcp }) {
  const limiters = rules.map(({ name, limit, windowMs }) =>
    new RateLimiterRedis({
      storeClient: tcp,
      keyPrefix: name,
      points: limit,
      duration: windowMs / 1000,
    })
  );
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
