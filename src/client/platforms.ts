/**
 * What each platform's edge says of the client, and where. Every one of these is set by the edge itself, over what a
 * client sent. That holds for requests that come through the edge: the origin must not be reachable around it.
 *
 * @module
 */

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

/** The header in which each platform's edge names the client; none where it does so beside the request alone. */
export const platformHeaders: Readonly<Partial<Record<Platform, string>>> = {
  "cloudflare": "cf-connecting-ip",
  "vercel": "x-vercel-forwarded-for",
  "netlify": "x-nf-client-connection-ip",
  "fly": "fly-client-ip",
  "aws-alb": "x-forwarded-for",
  "aws-cloudfront": "cloudfront-viewer-address",
  "gcp-lb": "x-forwarded-for",
  // Not x-azure-clientip, which Front Door fills from what the client sent.
  "azure-front-door": "x-azure-socketip",
  "azure-app-service": "x-forwarded-for",
};

/**
 * How each platform names the client. Where a request lacks what the edge would have set (a health check from inside
 * the platform), its peer is the client.
 */
export const platforms: Readonly<Record<Platform, ReadClient>> = {
  "cloudflare": cloudflare,
  // Marked, as are the calls below, for bundles that use none of this.
  "vercel": /* @__PURE__ */ header("vercel"),
  "netlify": (request, platform) => peerOf(request, platform) ?? header("netlify")(request, platform),
  "fly": /* @__PURE__ */ header("fly"),
  "deno-deploy": peerOf,
  "aws-lambda": (request, platform) => sourceIp(platform) ?? peerOf(request, platform),
  "aws-alb": /* @__PURE__ */ header("aws-alb"),
  "aws-cloudfront": /* @__PURE__ */ header("aws-cloudfront"),
  // The load balancer adds its own address after the client's.
  "gcp-lb": /* @__PURE__ */ header("gcp-lb", 2),
  "azure-front-door": /* @__PURE__ */ header("azure-front-door"),
  "azure-app-service": /* @__PURE__ */ header("azure-app-service"),
};

function header(of: Platform, hops: number = 1): ReadClient {
  const name = platformHeaders[of]!;
  const read = headerReader(name);
  const walk = walkHops(hops, name);
  return (request, platform) => walk(peerOf(request, platform), read(request.headers.get(name) ?? ""));
}

// With "Pseudo IPv4" set to overwrite, Cloudflare hides an IPv6 client behind an address of class E: 240.0.0.0/4.
const PSEUDO_IPV4 = /^2[45]\d\./;
const connectingIp = /* @__PURE__ */ header("cloudflare");

function cloudflare(request: Request, platform: readonly unknown[]): string | null {
  const address = connectingIp(request, platform);
  if (address === null || !PSEUDO_IPV4.test(address)) return address;
  return canonicalAddress(request.headers.get("cf-connecting-ipv6") ?? "") ?? address;
}

/** A Lambda event as its handler passes it on: itself, or in Hono's `env`. */
interface LambdaPassed {
  readonly requestContext?: RequestContext;
  readonly event?: { readonly requestContext?: RequestContext };
}

/** HTTP APIs and function URLs have `http` (payload 2.0), REST and WebSocket APIs `identity` (1.0). */
interface RequestContext {
  readonly http?: { readonly sourceIp?: unknown };
  readonly identity?: { readonly sourceIp?: unknown };
}

function sourceIp(platform: readonly unknown[]): string | null {
  const passed = passedBeside(platform) as LambdaPassed | undefined;
  const context = passed?.requestContext ?? passed?.event?.requestContext;
  const address = context?.http?.sourceIp ?? context?.identity?.sourceIp;
  return typeof address === "string" ? canonicalAddress(address) : null;
}
