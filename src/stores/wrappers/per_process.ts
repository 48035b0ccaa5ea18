/**
 * The check for a store that counts for one process where several share the traffic.
 *
 * @module
 */

import { locationOf } from "../../client/platforms.ts";
import { type Surroundings, surroundings } from "../../runtime.ts";
import { warnOnce } from "../../warn_once.ts";
import type { Store } from "../store.ts";

/** The reaction to such a store. */
export type UnsafeStore = "warn" | "error" | "ignore";

/**
 * Warns once of a per-process store where several processes share the traffic, or refuses one anywhere.
 *
 * @param store The throttle's store.
 * @param reaction The throttle's `unsafeStore`.
 * @param around Where this process runs.
 * @throws {TypeError} When the reaction is "error" and the store counts for this process alone.
 */
export function checkSafety(store: Store, reaction: UnsafeStore, around: Surroundings = surroundings): void {
  if (store.shared || reaction === "ignore") return;
  const location = locationOf(around);
  const problem = "its store counts for this process alone" +
    (location === undefined
      ? ""
      : `, and ${location} several may share the traffic: N of them let N times the limit pass`);
  const remedy =
    'Give it a shared store (upstashStore, redisStore), or say unsafeStore: "ignore" where each process may count for itself.';
  if (reaction === "error") throw new TypeError(`Cannot create a throttle as ${problem}. ${remedy}`);
  if (location !== undefined) warnOnce(`A throttle is not safe here as ${problem}. ${remedy}`);
}
