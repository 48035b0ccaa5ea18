/**
 * A `fetch` that keeps to the limits that servers state: entry `./client`.
 *
 * @module
 */

export { type Fetch, pacedFetch, type PacedFetchOptions } from "./paced_fetch.ts";
export { type Plan, plan, type ServerQuota } from "./plan.ts";
