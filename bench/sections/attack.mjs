/** An attack: for five seconds every request comes from a new address. */
import { freshAddress } from "../keys.mjs";
import { heldBytes, residentBytes } from "../runtime.mjs";
import { median } from "../timing.mjs";
import { contestants as deciders } from "./decisions.mjs";

export const title = "Five seconds of nothing but new keys";
export const metrics = {
  rss: "peak of the process's memory, MB",
  growth: "grown by, MB",
  held: "held at the end over the start, MB",
  pause: "longest decision, ms",
  filling: "a new key while there is room, ns",
  full: "a new key once there is none, ns",
  known: "a key that is known then, ns",
  keys: "keys, millions",
};
export const runtimes = ["node", "bun", "deno"];
/** The first contestant decides nothing: its longest pause is the machine's own. */
export const contestants = [
  { id: "no store", file: null },
  ...deciders,
  ...[
    { name: "gcra" },
    { name: "slidingLog" },
    { name: "slidingWindow" },
    { name: "concurrency", options: { lease: "1h" } },
  ].map((algorithm) => ({ id: `Weir, ${algorithm.name}`, file: "weir", algorithm })),
  {
    id: "Weir, a block",
    file: "weir",
    algorithm: { block: { after: 5, window: "1min", for: "1min" } },
  },
];

const BATCH = 100;

export async function measure(id, { quick }) {
  const { file, algorithm } = contestants.find((contestant) => contestant.id === id);
  const { decider } = file === null
    ? { decider: () => () => true }
    : await import(`../contestants/${file}.mjs`);
  const maxKeys = quick ? 200_000 : 1_000_000;
  const decide = decider({ limit: 10, windowMs: 3_600_000, maxKeys, algorithm });
  const heldBefore = await heldBytes();
  const start = residentBytes();
  const end = performance.now() + (quick ? 1500 : 5000);
  let peak = start;
  let pause = 0;
  let keys = 0;
  // Ns per key, before and after the number of keys reaches the capacity of a Weir store.
  const filling = [];
  const full = [];
  while (performance.now() < end) {
    const batch = Array.from({ length: BATCH }, () => freshAddress(keys++));
    const began = performance.now();
    for (const key of batch) {
      const asked = performance.now();
      const answer = decide(key);
      if (typeof answer?.then === "function") await answer;
      pause = Math.max(pause, performance.now() - asked);
    }
    (keys <= maxKeys ? filling : full).push((performance.now() - began) * 1e6 / BATCH);
    if (keys % (100 * BATCH) === 0) peak = Math.max(peak, residentBytes());
  }
  const known = [];
  for (let i = 1; i <= 1000; i++) {
    const batch = Array.from({ length: BATCH }, (_, n) => freshAddress(Math.max(0, keys - i * BATCH + n)));
    const began = performance.now();
    for (const key of batch) await decide(key);
    known.push((performance.now() - began) * 1e6 / BATCH);
  }
  const MB = 1024 * 1024;
  const held = (await heldBytes() - heldBefore) / MB;
  await decide(freshAddress(0)); // keeps the store alive until here
  return {
    rss: peak / MB,
    growth: (peak - start) / MB,
    held,
    pause,
    filling: median(filling),
    full: full.length > 0 ? median(full) : null,
    known: median(known),
    keys: keys / 1e6,
  };
}
