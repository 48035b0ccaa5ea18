/** The memory of a key: the heap and the array buffers after a million keys, each seen once. */
import { freshAddress } from "../keys.mjs";
import { heldBytes } from "../runtime.mjs";
import { contestants as deciders } from "./decisions.mjs";

export const title = "Memory per key";
export const metrics = { bytes: "bytes held per key" };
export const runtimes = ["node", "bun", "deno"];
export const contestants = deciders;

export async function measure(id, { quick }) {
  const { file } = contestants.find((contestant) => contestant.id === id);
  const { decider } = await import(`../contestants/${file}.mjs`);
  const keys = quick ? 200_000 : 1_000_000;
  const before = await heldBytes();
  const decide = decider({ limit: 10, windowMs: 3_600_000 });
  for (let i = 0; i < keys; i++) await decide(freshAddress(i));
  const bytes = (await heldBytes() - before) / keys;
  await decide(freshAddress(0)); // keeps the store alive until here
  return { bytes };
}
