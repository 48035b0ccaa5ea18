/**
 * One quota for all requests.
 *
 * @module
 */

import { type Key, keyOf } from "./key.ts";

/** The key of every request under {@link byGlobal}, for `usage` and `reset`. */
export const EVERYBODY = "all";

/**
 * One quota for all requests of a rule together.
 *
 * @returns A key that is the same for every request.
 *
 * @example At most ten exports per minute by all clients together
 * ```ts
 * import { byGlobal, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "10/min", key: byGlobal(), on: "GET /export" });
 * equal(throttle.rules[0].on[0], "GET /export");
 * ```
 */
export function byGlobal(): Key {
  return Object.assign(keyOf("global", "before-auth", () => EVERYBODY), { dimensions: [] });
}
