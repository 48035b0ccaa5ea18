/** An attack: for five seconds every request comes from a new address. */
import { freshAddress } from "../keys.mjs";
import { heldBytes, residentBytes } from "../runtime.mjs";
import { contestants as deciders } from "./decisions.mjs";

export const title = "Five seconds of nothing but new keys";
export const metrics = {
  rss: "peak of the process's memory, MB",
  growth: "grown by, MB",
  held: "held at the end over the start, MB",
  pause: "longest decision, ms",
  keys: "keys, millions",
};
export const runtimes = ["node", "bun", "deno"];
/** The first decides nothing: its longest pause is the machine's own. */
export const contestants = [{ id: "no store", file: null }, ...deciders];

const BATCH = 100;

export async function measure(id, { quick }) {
  const { file } = contestants.find((contestant) => contestant.id === id);
  const { decider } = file === null
    ? { decider: () => () => true }
    : await import(`../contestants/${file}.mjs`);
  const decide = decider({ limit: 10, windowMs: 3_600_000 });
  const heldBefore = await heldBytes();
  const start = residentBytes();
  const end = performance.now() + (quick ? 1500 : 5000);
  let peak = start;
  let pause = 0;
  let keys = 0;
  while (performance.now() < end) {
    const batch = Array.from({ length: BATCH }, () => freshAddress(keys++));
    for (const key of batch) {
      const asked = performance.now();
      const answer = decide(key);
      if (typeof answer?.then === "function") await answer;
      pause = Math.max(pause, performance.now() - asked);
    }
    if (keys % (100 * BATCH) === 0) peak = Math.max(peak, residentBytes());
  }
  const MB = 1024 * 1024;
  const held = (await heldBytes() - heldBefore) / MB;
  await decide(freshAddress(0)); // What is held must be held to here.
  return {
    rss: peak / MB,
    growth: (peak - start) / MB,
    held,
    pause,
    keys: keys / 1e6,
  };
}
