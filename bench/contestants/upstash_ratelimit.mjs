/** @upstash/ratelimit, on Redis over HTTP. */
import { createHash } from "node:crypto";
import { peer } from "../peers.mjs";

const { Ratelimit } = await peer("@upstash/ratelimit");
const { Redis } = await peer("@upstash/redis");

const sha1 = (text) => createHash("sha1").update(text).digest("hex");

/** Its scripts begin with a flag that only Upstash supports; it is removed for a plain Redis. */
function withPlainScripts(redis) {
  const shas = new Map();
  const own = {
    eval(script, keys, words) {
      const plain = script.replace(/^#!lua flags=allow-key-locking\n/, "");
      shas.set(sha1(script), sha1(plain));
      return redis.eval(plain, keys, words);
    },
    evalsha: (sha, keys, words) => redis.evalsha(shas.get(sha) ?? sha, keys, words),
  };
  return new Proxy(redis, { get: (target, name) => own[name] ?? target[name] });
}

export function shared({ rules, http }) {
  const redis = withPlainScripts(
    new Redis({ url: http.url, token: http.token, enableTelemetry: false }),
  );
  const limiters = rules.map(({ name, limit, windowMs }) =>
    new Ratelimit({
      redis,
      limiter: Ratelimit.fixedWindow(limit, `${windowMs} ms`),
      prefix: name,
      ephemeralCache: false,
    })
  );
  return async (client) => {
    const results = await Promise.all(
      limiters.map((limiter) => limiter.limit(client)),
    );
    return results.every(({ success }) => success);
  };
}
