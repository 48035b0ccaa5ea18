import { assert } from "@std/assert";
import { lives, type Redis } from "./redis.ts";

/** Longest life of a state of the windows that the tests use, and the minute that a key may live longer. */
const LONGEST_MS = 86_400_000;

/** Every key has an end, and none outlives the longest state by more than a minute. */
export async function assertLivesEnd(
  redis: Pick<Redis, "command">,
  longestMs: number = LONGEST_MS,
): Promise<void> {
  for (const [key, ttl] of await lives(redis)) {
    assert(ttl !== -1, `${JSON.stringify(key)} lives for ever`);
    assert(ttl <= longestMs + 60_000, `${JSON.stringify(key)} lives for ${ttl} ms`);
  }
}
