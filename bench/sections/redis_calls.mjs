/** The time that Redis is busy with one decision, and the bytes that it holds per key, beside peers, scripts by hand and an earlier build. */
import { freshAddress } from "../keys.mjs";
import { connect, prepare } from "./redis.mjs";

export { prepare };
export const title = "Redis's own time per decision, us, 50 calls at once on 1,000 keys, and bytes per key";
export const metrics = { us: "us per decision", bytes: "bytes per key" };
export const runtimes = ["node"];
export const needs = ["redis-server"];

const HOUR = 3_600_000;
const LIMIT = 1_000_000;
const rulesOf = (count) =>
  ["hourly", "burst", "daily"].slice(0, count).map((name, i) => ({
    name,
    limit: LIMIT,
    windowMs: HOUR << i,
  }));
const EARLIER = "tests/stores/redis/builds/57fc96d.mjs";

export const contestants = [1, 3].flatMap((count) => [
  ...["fixedWindow", "gcra", "slidingWindow"].flatMap((algorithm) => [
    { id: `Weir, ${count} of ${algorithm}`, count, algorithm },
    ...algorithm === "slidingWindow" ? [] : [{
      id: `Weir at 57fc96d, ${count} of ${algorithm}`,
      count,
      algorithm,
      build: EARLIER,
    }],
  ]),
  ...["fixedWindow", "gcra"].map((algorithm) => ({
    id: `by hand, ${count} of ${algorithm}`,
    count,
    algorithm,
    file: "redis_by_hand",
  })),
  {
    id: `rate-limiter-flexible, ${count}`,
    count,
    file: "rate_limiter_flexible",
  },
  {
    id: `@upstash/ratelimit, ${count} fixed`,
    count,
    file: "upstash_ratelimit",
  },
]);

export async function measure(id, { quick, tcp, http }) {
  const { count, algorithm, build, file = "weir" } = contestants.find((
    contestant,
  ) => contestant.id === id);
  const { client } = await connect(tcp);
  await client.flushall();
  const { shared } = await import(`../contestants/${file}.mjs`);
  const options = {
    rules: rulesOf(count),
    algorithm,
    build,
    ...file === "upstash_ratelimit" ? { http } : { tcp: client },
  };
  // As many processes: one process would ask all these together.
  const deciders = await Promise.all(
    Array.from({ length: 50 }, () => shared(options)),
  );
  const rounds = quick ? 40 : 400;
  const round = (i) =>
    Promise.all(
      deciders.map((decide, n) => decide(freshAddress((50 * i + n) % 1000))),
    );
  for (let i = 0; i < 20; i++) await round(i);
  await client.config("RESETSTAT");
  for (let i = 0; i < rounds; i++) await round(i);
  const stats = await client.info("commandstats");
  const spent = [
    ...stats.matchAll(/cmdstat_evalsha(?:_ro)?:calls=\d+,usec=(\d+)/g),
  ].reduce((sum, [, us]) => sum + Number(us), 0);
  const keys = await client.keys("*");
  let bytes = 0;
  for (const key of keys.slice(0, 100)) {
    bytes += await client.memory("USAGE", key);
  }
  return {
    us: spent / (50 * rounds),
    bytes: bytes / Math.min(100, keys.length),
  };
}
