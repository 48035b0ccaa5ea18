/**
 * All that is known of each platform, in one record: how its edge names the client, how Hono's `env` holds what it passes, and
 * by which signs it is recognized where several of its processes share the traffic.
 *
 * @module
 */

import type { Surroundings } from "../runtime.ts";
import { canonicalAddress } from "./address.ts";
import { passedBeside, peerOf } from "./peer.ts";
import { headerReader, walkHops } from "./proxies.ts";

/** The platforms whose word {@link ClientOptions.platform} can be taken for. */
export type Platform =
  | "cloudflare"
  | "vercel"
  | "netlify"
  | "fly"
  | "deno-deploy"
  | "aws-lambda"
  | "aws-alb"
  | "aws-cloudfront"
  | "gcp-lb"
  | "azure-front-door"
  | "azure-app-service";

/** Who sent a request: an address in canonical text, "unix" for a peer on a Unix socket, or null. */
export type ReadClient = (request: Request, platform: readonly unknown[]) => string | null;

/** What is known of one platform. */
export interface PlatformFacts {
  /** The header in which its edge names the client, set by the edge itself over what a client sent. Default: none. */
  readonly header?: string;
  /** Which address of a header with a list is the client's, from the right. Default 1. */
  readonly hops?: number;
  /** Makes what reads the client, of what reads the header. Default: the header alone. */
  readonly readsClient?: (byHeader: ReadClient) => ReadClient;
  /** The member of Hono's `env` that holds what the platform passes beside a request. Default: `env` is that itself. */
  readonly inEnv?: string;
  /** Where a process there is, after "and" in a sentence. Default: no process runs there, or one alone. */
  readonly place?: string;
  /** Environment variables that this place alone sets, each of them enough to recognize it. */
  readonly variables?: readonly string[];
  /** How else the place is recognized. */
  readonly isHere?: (around: Surroundings) => boolean;
}

/**
 * The platforms. A place that is built on another comes before it. What an edge says of the client holds for requests that come
 * through the edge: the origin must not be reachable around it.
 */
export const PLATFORMS: Readonly<Record<Platform, PlatformFacts> & Record<string, PlatformFacts>> = {
  "vercel": {
    header: "x-vercel-forwarded-for",
    place: "on Vercel",
    variables: ["VERCEL"],
    isHere: ({ has }) => has("EdgeRuntime"),
  },
  "netlify": {
    header: "x-nf-client-connection-ip",
    readsClient: (byHeader) => (request, platform) =>
      peerOf(request, platform) ?? byHeader(request, platform),
    inEnv: "context",
    place: "on Netlify",
    variables: ["NETLIFY"],
    isHere: ({ has }) => has("Netlify"),
  },
  "cloudflare": {
    header: "cf-connecting-ip",
    readsClient: cloudflareClient,
    place: "on Cloudflare Workers",
    isHere: ({ userAgent, has }) => userAgent === "Cloudflare-Workers" || has("WebSocketPair"),
  },
  "deno-deploy": {
    readsClient: () => peerOf,
    place: "on Deno Deploy",
    variables: ["DENO_DEPLOYMENT_ID", "DENO_DEPLOY"],
  },
  "aws-lambda": {
    readsClient: () => (request, platform) => sourceIp(platform) ?? peerOf(request, platform),
    inEnv: "event",
    place: "on AWS Lambda",
    variables: ["AWS_LAMBDA_FUNCTION_NAME"],
  },
  "aws-alb": { header: "x-forwarded-for" },
  "aws-cloudfront": { header: "cloudfront-viewer-address" },
  // The load balancer adds its own address after the client's.
  "gcp-lb": { header: "x-forwarded-for", hops: 2 },
  "cloud-run": { place: "on Cloud Run", variables: ["K_SERVICE"] },
  "app-engine": { place: "on App Engine", variables: ["GAE_SERVICE"] },
  // Not x-azure-clientip, which Front Door fills from what the client sent.
  "azure-front-door": { header: "x-azure-socketip" },
  "azure-functions": { place: "on Azure Functions", variables: ["FUNCTIONS_WORKER_RUNTIME"] },
  "azure-container-apps": { place: "on Azure Container Apps", variables: ["CONTAINER_APP_NAME"] },
  "azure-app-service": {
    header: "x-forwarded-for",
    place: "on Azure App Service",
    variables: ["WEBSITE_INSTANCE_ID"],
  },
  "fly": { header: "fly-client-ip", place: "on Fly", variables: ["FLY_APP_NAME"] },
  "render": { place: "on Render", variables: ["RENDER"] },
  "railway": {
    place: "on Railway",
    variables: ["RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_PROJECT_ID"],
  },
  "heroku": { place: "on Heroku", variables: ["DYNO"] },
  "koyeb": { place: "on Koyeb", variables: ["KOYEB_APP_NAME"] },
  "amazon-ecs": {
    place: "on Amazon ECS",
    variables: ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"],
  },
  "kubernetes": { place: "on Kubernetes", variables: ["KUBERNETES_SERVICE_HOST"] },
  "pm2": {
    place: "under PM2",
    isHere: ({ env }) => env("pm_id") !== undefined && env("instances") !== "1",
  },
  "node-cluster": { place: "in a cluster", isHere: ({ isClusterWorker }) => isClusterWorker },
  "deno-parallel": {
    place: "under `deno serve --parallel`",
    // Without the variable Deno takes every processor, and nothing in its threads says that there are others. `deno test` reads
    // the same variable, and shares no traffic.
    isHere: ({ env, has, isDenoTest }) => has("Deno") && !isDenoTest && Number(env("DENO_JOBS") ?? 1) > 1,
  },
};

/** The platforms that say who the client is. */
export function namingPlatforms(): readonly Platform[] {
  return Object.keys(PLATFORMS).filter((name) =>
    PLATFORMS[name].header || PLATFORMS[name].readsClient
  ) as Platform[];
}

/**
 * How a platform names the client. Where a request lacks what the edge would have set (a health check from inside the platform),
 * its peer is the client.
 */
export function clientReader(name: Platform): ReadClient {
  const { header = "", hops = 1, readsClient = (byHeader) => byHeader } = PLATFORMS[name];
  const read = headerReader(header);
  const walk = walkHops(hops, header);
  return readsClient((request, platform) =>
    walk(peerOf(request, platform), read(request.headers.get(header) ?? ""))
  );
}

/** The place where this process runs, if several processes share the traffic there, or may. */
export function placeOf(around: Surroundings): string | undefined {
  return Object.values(PLATFORMS).find(({ variables = [], isHere }) =>
    variables.some((name) => around.env(name) !== undefined) || isHere?.(around)
  )?.place;
}

/** What the platform passed beside a request, as Hono's `env` holds it: the `env` itself, or a member of it. */
export function passedInEnv(env: unknown): readonly unknown[] {
  if (typeof env !== "object" || env === null) return [];
  const names = Object.values(PLATFORMS).flatMap(({ inEnv }) => inEnv ?? []);
  return [env, ...names.map((name) => (env as Readonly<Record<string, unknown>>)[name])];
}

// With "Pseudo IPv4" set to overwrite, Cloudflare hides an IPv6 client behind an address of class E: 240.0.0.0/4.
const PSEUDO_IPV4 = /^2[45]\d\./;

function cloudflareClient(byHeader: ReadClient): ReadClient {
  return (request, platform) => {
    const address = byHeader(request, platform);
    if (address === null || !PSEUDO_IPV4.test(address)) return address;
    return canonicalAddress(request.headers.get("cf-connecting-ipv6") ?? "") ?? address;
  };
}

/** HTTP APIs and function URLs have `http` (payload 2.0), REST and WebSocket APIs `identity` (1.0). */
interface RequestContext {
  readonly http?: { readonly sourceIp?: unknown };
  readonly identity?: { readonly sourceIp?: unknown };
}

/** The client of a Lambda event, as its handler passes the event on: itself, or in Hono's `env`. */
function sourceIp(platform: readonly unknown[]): string | null {
  const events = passedInEnv(
    passedBeside(platform),
  ) as readonly ({ requestContext?: RequestContext } | undefined)[];
  const context = events.find((event) => event?.requestContext)?.requestContext;
  const address = context?.http?.sourceIp ?? context?.identity?.sourceIp;
  return typeof address === "string" ? canonicalAddress(address) : null;
}
