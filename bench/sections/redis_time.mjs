/** The time that Redis is busy with one decision, at a large limit. */
import { connect, prepare } from "./redis.mjs";

export { prepare };
export const title = "Redis's own time, us per decision, where one key has a large limit";
export const metrics = {
  charge: "a request that passes",
  refuse: "a request that is refused",
  correct: "a correction",
};
export const runtimes = ["node"];
export const needs = ["redis-server"];

const HOUR = 3_600_000;
export const contestants = [
  { id: "fixedWindow, 10,000", limit: 10_000, algorithm: { name: "fixedWindow" } },
  { id: "slidingLog, 10,000", limit: 10_000, algorithm: { name: "slidingLog" } },
  {
    id: "slidingWindow, 1000 slots",
    limit: 100_000,
    algorithm: { name: "slidingWindow", options: { slots: 1000 } },
  },
  {
    id: "concurrency, 60,000",
    limit: 60_000,
    algorithm: { name: "concurrency", options: { lease: HOUR / 1000 } },
  },
];

export async function measure(id, { quick, tcp }) {
  const { limit, algorithm } = contestants.find((contestant) => contestant.id === id);
  const { single } = await import("../contestants/weir.mjs");
  const { client } = await connect(tcp);
  await client.flushall();
  const decide = await single({ tcp: client, limit, windowMs: HOUR, algorithm });

  /** µs per call, for sequential calls. */
  async function usec(count, ask) {
    await client.config("RESETSTAT");
    for (let i = 0; i < count; i++) await ask(i);
    const stats = await client.info("commandstats");
    return Number(/cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(stats)[1]);
  }

  // As many charges as possible, one per 100 ms of the last half hour: a new charge joins none of them.
  const [{ chargedAt }] = await decide(0);
  const times = Array.from({ length: 10_000 }, (_, i) => chargedAt - HOUR / 2 + i * 100);
  const count = quick ? 100 : 500;
  const room = 3 * count;
  const most = Math.min(times.length, limit - room);
  for (let i = 0; i < most; i += 100) {
    await Promise.all(times.slice(i, i + 100).map((time) => decide(1, time)));
  }
  return {
    charge: await usec(count, () => decide(1)),
    refuse: await usec(count, () => decide(limit)),
    correct: await usec(
      count,
      (i) => decide(i % 2 === 0 ? -1 : 1, times[Math.floor(most * ((i * 0.618) % 1))]),
    ),
  };
}
