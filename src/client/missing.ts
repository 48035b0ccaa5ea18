/**
 * The explanation of a missing address: what was tried, why it gave nothing, and what would.
 *
 * @module
 */

import type { ClientOptions } from "./client.ts";
import { passedBeside, peerOf, UNIX } from "./peer.ts";
import { PLATFORMS } from "./platforms.ts";

/** What a throttle's own context has beside what is told of one. */
export interface ExplainsAddress {
  /** Why there is no address, and what to do: {@link explainMissing}. */
  explainAddress?(): string;
}

const PASS =
  "Pass the throttled handler, or check, what the server passes beside the request, or the address itself: " +
  "handler(request, { ip }), check(request, { ip })";
const DEVELOP =
  'a server that names nobody, as nitro dev, needs an address for development: client: { address: () => "127.0.0.1" }';

/** What was passed beside a request, by its names alone: its values may be secrets. */
function passedText(platform: readonly unknown[]): string {
  const [first] = platform;
  if (first === undefined) return "nothing was passed beside the request";
  if (typeof first !== "object" || first === null) {
    return `what was passed beside the request is ${first === null ? "null" : `a ${typeof first}`}`;
  }
  const names = Object.keys(passedBeside(platform) ?? first).slice(0, 8).join(", ");
  return `what was passed beside the request names no peer: it is an object with ${names || "no names"}`;
}

function peerText(peer: string | null, platform: readonly unknown[]): string {
  return peer === UNIX ? "the peer is on a Unix socket, which has no address" : passedText(platform);
}

function headerText(request: Request, name: string, hops = 1): string {
  if (request.headers.get(name) === null) return `the request has no ${name} header`;
  return `${
    hops === 1 ? "the last entry" : `entry ${hops} from the right`
  } of its ${name} header is no address`;
}

/** What the options try, and why that gave nothing; null where they try nothing. */
function triedText(options: ClientOptions, request: Request, peer: string | null): string | null {
  const { trustedProxies, header = "x-forwarded-for", platform, address } = options;
  if (address !== undefined) return "client.address was asked and gave no address";
  if (platform !== undefined) {
    const name = PLATFORMS[platform].header;
    return `platform: "${platform}" was tried, but ${
      name === undefined ? "the server passed nothing of it" : headerText(request, name)
    }`;
  }
  if (trustedProxies === undefined || trustedProxies === 0) return null;
  const gave = typeof trustedProxies === "number"
    ? headerText(request, header.toLowerCase(), trustedProxies)
    : peer === UNIX && trustedProxies.includes(UNIX)
    ? headerText(request, header.toLowerCase())
    : "no header is believed of a peer that is not in that list";
  return `trustedProxies: ${JSON.stringify(trustedProxies)} was tried, but ${gave}`;
}

/**
 * Explains why a request has no address, and so nobody that it could be counted for.
 *
 * @param options The throttle's options.
 * @param request The request.
 * @param platform What the server passed beside it.
 * @returns A reason that follows "as", and what to do that is not done yet; without the last full stop.
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
    ? `${why}. ${PASS}; or set \`client\` ({ platform }, { trustedProxies } or { address }); ${DEVELOP}`
    : `${tried}, and ${why}. ${PASS}; ${DEVELOP}`;
}
