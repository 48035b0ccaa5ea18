/**
 * Explains a missing address: the sources that were tried, the reason for each failure, and the remedy.
 *
 * @module
 */

import type { ClientOptions } from "./client.ts";
import { peerOf, serverArgument, UNIX } from "./peer.ts";
import { PLATFORMS } from "./platforms.ts";

/** A throttle's own context has this method beside the members of the public type. */
export interface ExplainsAddress {
  /** Explains the missing address: {@link explainMissing}. */
  explainAddress?(): string;
}

const PASS =
  "Pass the argument of the server after the request, or the address itself: handler(request, { ip }), check(request, { ip })";
const DEVELOP = 'on a development server such as nitro dev, client: { address: () => "127.0.0.1" }';

/** The names of the members of a server's argument. Its values may be secrets, so they are not shown. */
function argumentText(platform: readonly unknown[]): string {
  const [first] = platform;
  if (first === undefined) return "no argument followed the request";
  if (typeof first !== "object" || first === null) {
    return `the argument after the request is ${first === null ? "null" : `a ${typeof first}`}`;
  }
  const names = Object.keys(serverArgument(platform) ?? first).slice(0, 8).join(", ");
  return `the argument after the request names no peer: it is an object with ${names || "no names"}`;
}

function peerText(peer: string | null, platform: readonly unknown[]): string {
  return peer === UNIX ? "the peer is on a Unix socket, which has no address" : argumentText(platform);
}

function headerText(request: Request, name: string, hops = 1): string {
  if (request.headers.get(name) === null) return `the request has no ${name} header`;
  return `${
    hops === 1 ? "the last entry" : `entry ${hops} from the right`
  } of its ${name} header is no address`;
}

/** The sources that the options try, and the reason for their failure; null if the options try none. */
function triedText(options: ClientOptions, request: Request, peer: string | null): string | null {
  const { trustedProxies, header = "x-forwarded-for", platform, address } = options;
  if (address !== undefined) return "client.address returned no address";
  if (platform !== undefined) {
    const name = PLATFORMS[platform].header;
    return `platform: "${platform}" was tried, but ${
      name === undefined ? "no argument of the server names the client" : headerText(request, name)
    }`;
  }
  if (trustedProxies === undefined || trustedProxies === 0) return null;
  const failure = typeof trustedProxies === "number"
    ? headerText(request, header.toLowerCase(), trustedProxies)
    : peer === UNIX && trustedProxies.includes(UNIX)
    ? headerText(request, header.toLowerCase())
    : "the peer is not in that list, so its headers are ignored";
  return `trustedProxies: ${JSON.stringify(trustedProxies)} was tried, but ${failure}`;
}

/**
 * Explains why a request has no address.
 *
 * @param options The throttle's options.
 * @param request The request.
 * @param platform The server's further arguments.
 * @returns A reason that follows "as", and a remedy that is not in place yet; without the last full stop.
 */
export function explainMissing(
  options: ClientOptions = {},
  request: Request,
  platform: readonly unknown[],
): string {
  const peer = peerOf(request, platform);
  const tried = triedText(options, request, peer);
  if (options.address !== undefined) return tried as string;
  const why = peerText(peer, platform);
  return tried === null
    ? `${why}. ${PASS}; or set \`client\`: { platform: "cloudflare" }, { trustedProxies: 1 } or { address }; ${DEVELOP}`
    : `${tried}, and ${why}. ${PASS}; ${DEVELOP}`;
}
