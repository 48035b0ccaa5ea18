/**
 * The check for a store that counts for one process where several share the traffic.
 *
 * @module
 */

import { type Surroundings, surroundings } from "../../runtime.ts";
import { warnOnce } from "../../warn_once.ts";
import type { Store } from "../store.ts";

/** The reaction to such a store. */
export type UnsafeStore = "warn" | "error" | "ignore";

/** A place where several processes share the traffic, or may. */
interface Place {
  /** Its name, after "and" in a sentence. */
  readonly name: string;
  /** Environment variables that it alone sets, each of them enough. */
  readonly variables?: readonly string[];
  /** Another sign of it. */
  readonly isHere?: (around: Surroundings) => boolean;
}

/** Places that are built on another come before it. */
const PLACES: readonly Place[] = [
  { name: "on Vercel", variables: ["VERCEL"], isHere: ({ has }) => has("EdgeRuntime") },
  { name: "on Netlify", variables: ["NETLIFY"], isHere: ({ has }) => has("Netlify") },
  {
    name: "on Cloudflare Workers",
    isHere: ({ userAgent, has }) => userAgent === "Cloudflare-Workers" || has("WebSocketPair"),
  },
  { name: "on Deno Deploy", variables: ["DENO_DEPLOYMENT_ID", "DENO_DEPLOY"] },
  { name: "on AWS Lambda", variables: ["AWS_LAMBDA_FUNCTION_NAME"] },
  { name: "on Cloud Run", variables: ["K_SERVICE"] },
  { name: "on App Engine", variables: ["GAE_SERVICE"] },
  { name: "on Azure Functions", variables: ["FUNCTIONS_WORKER_RUNTIME"] },
  { name: "on Azure Container Apps", variables: ["CONTAINER_APP_NAME"] },
  { name: "on Azure App Service", variables: ["WEBSITE_INSTANCE_ID"] },
  { name: "on Fly", variables: ["FLY_APP_NAME"] },
  { name: "on Render", variables: ["RENDER"] },
  {
    name: "on Railway",
    variables: ["RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_PROJECT_ID"],
  },
  { name: "on Heroku", variables: ["DYNO"] },
  { name: "on Koyeb", variables: ["KOYEB_APP_NAME"] },
  { name: "on Amazon ECS", variables: ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"] },
  { name: "on Kubernetes", variables: ["KUBERNETES_SERVICE_HOST"] },
  { name: "under PM2", isHere: ({ env }) => env("pm_id") !== undefined && env("instances") !== "1" },
  { name: "in a cluster", isHere: ({ isClusterWorker }) => isClusterWorker },
  {
    // Without the variable Deno takes every processor, and nothing in its threads tells that there are others. `deno test`
    // goes by the same variable, and shares no traffic.
    name: "under `deno serve --parallel`",
    isHere: ({ env, has, isDenoTest }) => has("Deno") && !isDenoTest && Number(env("DENO_JOBS") ?? 1) > 1,
  },
];

function placeOf(around: Surroundings): Place | undefined {
  return PLACES.find(({ variables = [], isHere }) =>
    variables.some((name) => around.env(name) !== undefined) || isHere?.(around)
  );
}

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
  const place = placeOf(around);
  const problem = "its store counts for this process alone" +
    (place === undefined
      ? ""
      : `, and ${place.name} several may share the traffic: N of them let N times the limit pass`);
  const remedy =
    'Give it a shared store (upstashStore, redisStore), or say unsafeStore: "ignore" where each process may count for itself.';
  if (reaction === "error") throw new TypeError(`Cannot create a throttle as ${problem}. ${remedy}`);
  if (place !== undefined) warnOnce(`A throttle is not safe here as ${problem}. ${remedy}`);
}
