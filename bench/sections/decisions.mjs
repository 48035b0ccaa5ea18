/** The decision alone: a memory store with one hot key, and with a million keys by Zipf's law. */
import { freshAddress, seeded, zipf } from "../keys.mjs";
import { timed } from "../timing.mjs";

export const title = "A decision of the memory store alone";
export const metrics = {
  hot: "one hot key, ns",
  zipf: "a million keys by Zipf's law, ns",
};
export const runtimes = ["node", "bun", "deno"];
export const contestants = [
  { id: "a Map by hand", file: "floor" },
  { id: "Weir", file: "weir" },
  { id: "rate-limiter-flexible", file: "rate_limiter_flexible" },
  { id: "express-rate-limit", file: "express_rate_limit" },
  { id: "hono-rate-limiter", file: "hono_rate_limiter" },
  { id: "hitlimit", file: "hitlimit" },
];

const POLICY = { limit: 1_000_000_000, windowMs: 3_600_000 };

export async function measure(id, { quick }) {
  const { file } = contestants.find((contestant) => contestant.id === id);
  const { decider } = await import(`../contestants/${file}.mjs`);
  const batches = quick ? 300 : 1200;
  const hot = await timed(() => freshAddress(1), decider(POLICY), batches);

  const keys = quick ? 200_000 : 1_000_000;
  const decide = decider(POLICY);
  for (let i = 0; i < keys; i++) await decide(freshAddress(i));
  const draw = zipf(keys, seeded(7));
  return {
    hot,
    zipf: await timed(() => freshAddress(draw()), decide, batches),
  };
}
