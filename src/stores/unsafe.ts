/**
 * The check for a store that counts for one process where several share the traffic.
 *
 * @module
 */

import { type Surroundings, surroundings } from "../runtime.ts";
import { warnOnce } from "../warn.ts";
import type { Store } from "./store.ts";

/** What to do about such a store. */
export type UnsafeStore = "warn" | "error" | "ignore";

/** Where several processes share the traffic, and how that is seen. Platforms that are built on another come before it. */
const PLACES: readonly (readonly [string, (around: Surroundings) => boolean])[] = [
  ["on Vercel", ({ env, has }) => env("VERCEL") !== undefined || has("EdgeRuntime")],
  ["on Netlify", ({ env, has }) => env("NETLIFY") !== undefined || has("Netlify")],
  [
    "on Cloudflare Workers",
    ({ userAgent, has }) => userAgent === "Cloudflare-Workers" || has("WebSocketPair"),
  ],
  [
    "on Deno Deploy",
    ({ env }) => env("DENO_DEPLOYMENT_ID") !== undefined || env("DENO_DEPLOY") !== undefined,
  ],
  ["on AWS Lambda", ({ env }) => env("AWS_LAMBDA_FUNCTION_NAME") !== undefined],
  ["under PM2", ({ env }) => env("pm_id") !== undefined && env("instances") !== "1"],
  ["in a cluster", ({ isClusterWorker }) => isClusterWorker],
];

/**
 * Warns once of a per-process store where several processes share the traffic, or refuses it.
 *
 * @param store The throttle's store.
 * @param reaction The throttle's `unsafeStore`.
 * @param around Where this process runs.
 * @throws {TypeError} When the reaction is "error".
 */
export function checkSafety(store: Store, reaction: UnsafeStore, around: Surroundings = surroundings): void {
  if (store.shared || reaction === "ignore") return;
  const place = PLACES.find(([, isHere]) => isHere(around))?.[0];
  if (place === undefined) return;
  const problem =
    `its store counts for this process alone, and ${place} several share the traffic: N of them let N times the limit pass`;
  const remedy =
    'Give it a shared store (upstashStore, redisStore), or say unsafeStore: "ignore" where each process may count for itself.';
  if (reaction === "error") throw new TypeError(`Cannot create a throttle as ${problem}. ${remedy}`);
  warnOnce(`A throttle is not safe here as ${problem}. ${remedy}`);
}
