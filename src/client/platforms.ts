/**
 * The facts about each platform, in one record: how its edge names the client, where Hono's `env` has the
 * platform's argument, and how code recognizes the platform if several of its processes share the traffic.
 *
 * @module
 */

import type { Surroundings } from "../runtime.ts";
import { canonicalAddress } from "./address.ts";
import { peerOf, serverArgument } from "./peer.ts";
import { headerReader, walkHops } from "./proxies.ts";

/** The platforms that {@link ClientOptions.platform} can name. */
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

/** Reads the sender of a request: an address in canonical text, "unix" for a peer on a Unix socket, or null. */
export type ReadClient = (request: Request, platform: readonly unknown[]) => string | null;

/** The facts about one platform. */
export interface PlatformFacts {
  /** The header in which its edge names the client; the edge overwrites the client's own value. Default: none. */
  readonly header?: string;
  /** The position of the client in a list, from the right. Default 1. */
  readonly hops?: number;
  /** Makes the reader of the client from the reader of the header. Default: the header's reader. */
  readonly readsClient?: (byHeader: ReadClient) => ReadClient;
  /** The member of Hono's `env` with the platform's argument. Default: `env` itself. */
  readonly inEnv?: string;
  /** The location of a process there, after "and" in a sentence. Default: at most one process runs there. */
  readonly location?: string;
  /** Environment variables that only this platform sets; one of them is enough to recognize it. */
  readonly variables?: readonly string[];
  /** Another test that recognizes the platform. */
  readonly isHere?: (around: Surroundings) => boolean;
}

/**
 * The platforms. A platform that is built on another comes before it. Only requests through the edge have a
 * trustworthy header: the origin must not be reachable around the edge.
 */
export const PLATFORMS: Readonly<Record<Platform, PlatformFacts> & Record<string, PlatformFacts>> = {
  "vercel": {
    header: "x-vercel-forwarded-for",
    location: "on Vercel",
    variables: ["VERCEL"],
    isHere: ({ has }) => has("EdgeRuntime"),
  },
  "netlify": {
    header: "x-nf-client-connection-ip",
    readsClient: (byHeader) => (request, platform) =>
      peerOf(request, platform) ?? byHeader(request, platform),
    inEnv: "context",
    location: "on Netlify",
    variables: ["NETLIFY"],
    isHere: ({ has }) => has("Netlify"),
  },
  "cloudflare": {
    header: "cf-connecting-ip",
    readsClient: cloudflareClient,
    location: "on Cloudflare Workers",
    isHere: ({ userAgent, has }) => userAgent === "Cloudflare-Workers" || has("WebSocketPair"),
  },
  "deno-deploy": {
    readsClient: () => peerOf,
    location: "on Deno Deploy",
    variables: ["DENO_DEPLOYMENT_ID", "DENO_DEPLOY"],
  },
  "aws-lambda": {
    readsClient: () => (request, platform) => sourceIp(platform) ?? peerOf(request, platform),
    inEnv: "event",
    location: "on AWS Lambda",
    variables: ["AWS_LAMBDA_FUNCTION_NAME"],
  },
  "aws-alb": { header: "x-forwarded-for" },
  "aws-cloudfront": { header: "cloudfront-viewer-address" },
  // The load balancer adds its own address after the client's.
  "gcp-lb": { header: "x-forwarded-for", hops: 2 },
  "cloud-run": { location: "on Cloud Run", variables: ["K_SERVICE"] },
  "app-engine": { location: "on App Engine", variables: ["GAE_SERVICE"] },
  // Front Door fills x-azure-clientip from the client's own header, so that one is not read.
  "azure-front-door": { header: "x-azure-socketip" },
  "azure-functions": { location: "on Azure Functions", variables: ["FUNCTIONS_WORKER_RUNTIME"] },
  "azure-container-apps": { location: "on Azure Container Apps", variables: ["CONTAINER_APP_NAME"] },
  "azure-app-service": {
    header: "x-forwarded-for",
    location: "on Azure App Service",
    variables: ["WEBSITE_INSTANCE_ID"],
  },
  "fly": { header: "fly-client-ip", location: "on Fly", variables: ["FLY_APP_NAME"] },
  "render": { location: "on Render", variables: ["RENDER"] },
  "railway": {
    location: "on Railway",
    variables: ["RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_PROJECT_ID"],
  },
  "heroku": { location: "on Heroku", variables: ["DYNO"] },
  "koyeb": { location: "on Koyeb", variables: ["KOYEB_APP_NAME"] },
  "amazon-ecs": {
    location: "on Amazon ECS",
    variables: ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"],
  },
  "kubernetes": { location: "on Kubernetes", variables: ["KUBERNETES_SERVICE_HOST"] },
  "pm2": {
    location: "under PM2",
    isHere: ({ env }) => env("pm_id") !== undefined && env("instances") !== "1",
  },
  "node-cluster": { location: "in a cluster", isHere: ({ isClusterWorker }) => isClusterWorker },
  "deno-parallel": {
    location: "under `deno serve --parallel`",
    // Without the variable Deno uses every processor, and its threads cannot see each other. `deno test` reads
    // the same variable, but shares no traffic.
    isHere: ({ env, has, isDenoTest }) => has("Deno") && !isDenoTest && Number(env("DENO_JOBS") ?? 1) > 1,
  },
};

/** The platforms that name the client. */
export function platformsWithClient(): readonly Platform[] {
  return Object.keys(PLATFORMS).filter((name) =>
    PLATFORMS[name].header || PLATFORMS[name].readsClient
  ) as Platform[];
}

/**
 * The reader of the client on a platform. Without the edge's value (a health check inside the platform), the
 * peer is the client.
 */
export function clientReader(name: Platform): ReadClient {
  const { header = "", hops = 1, readsClient = (byHeader) => byHeader } = PLATFORMS[name];
  const read = headerReader(header);
  const walk = walkHops(hops, header);
  return readsClient((request, platform) =>
    walk(peerOf(request, platform), read(request.headers.get(header) ?? ""))
  );
}

/** The location of this process, if several processes may share the traffic there. */
export function locationOf(around: Surroundings): string | undefined {
  return Object.values(PLATFORMS).find(({ variables = [], isHere }) =>
    variables.some((name) => around.env(name) !== undefined) || isHere?.(around)
  )?.location;
}

/** The platform's argument in Hono's `env`: the `env` itself, or a member of it. */
export function argumentsInEnv(env: unknown): readonly unknown[] {
  if (typeof env !== "object" || env === null) return [];
  const names = Object.values(PLATFORMS).flatMap(({ inEnv }) => inEnv ?? []);
  return [env, ...names.map((name) => (env as Readonly<Record<string, unknown>>)[name])];
}

// With "Pseudo IPv4" set to overwrite, Cloudflare replaces an IPv6 client by an address of class E:
// 240.0.0.0/4.
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

/** The client in a Lambda event, which the handler passes directly or in Hono's `env`. */
function sourceIp(platform: readonly unknown[]): string | null {
  const events = argumentsInEnv(
    serverArgument(platform),
  ) as readonly ({ requestContext?: RequestContext } | undefined)[];
  const context = events.find((event) => event?.requestContext)?.requestContext;
  const address = context?.http?.sourceIp ?? context?.identity?.sourceIp;
  return typeof address === "string" ? canonicalAddress(address) : null;
}
