import { assert } from "@std/assert";
import { lives, type Redis } from "./redis.ts";

/** The longest lifetime of a state in these tests: a day's sliding window, and one of its 16 slots. */
const MAX_MS = 86_400_000 * 17 / 16;

/** Asserts that every key expires, at most a minute after the longest state. */
export async function assertLivesEnd(
  redis: Pick<Redis, "command">,
  longestMs: number = MAX_MS,
): Promise<void> {
  for (const [key, ttl] of await lives(redis)) {
    assert(ttl !== -1, `${JSON.stringify(key)} lives for ever`);
    assert(ttl <= longestMs + 60_000, `${JSON.stringify(key)} lives for ${ttl} ms`);
  }
}
