/**
 * Who is asking: the address of the client, as far as it can be believed.
 *
 * @module
 */

import { peerOf, UNIX } from "./peer.ts";
import { clientReader, namingPlatforms, type Platform, type ReadClient } from "./platforms.ts";
import { forwardedAddress, headerReader, walkHops, walkRanges } from "./proxies.ts";
import { cannot } from "../cannot.ts";
import { type Demands, FUNCTION, integer, oneOf, requireOptions } from "../options.ts";

export type { Platform } from "./platforms.ts";

/**
 * Whom to believe about a client's address. The default, `{}`, is nobody: the client is the transport peer, and
 * forwarding headers, which any client can send, are not looked at.
 *
 * Say one thing: `trustedProxies` (with or without `header`), or `platform`, or `address`.
 *
 * Where a server or a framework passes nothing beside the request, pass the peer's address yourself, as `{ ip }`: it is the
 * peer then, and all that is said here applies to it.
 *
 * @example A framework that knows the address and passes something else
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const throttle = createThrottle("1/min");
 * const handler = throttle.wrap((_request, _peer: { ip: string }) => new Response("hello"));
 * const request = new Request("https://example.com/");
 *
 * const { status } = await handler(request, { ip: "192.0.2.1" });
 * const { allowed } = await throttle.check(request, { ip: "192.0.2.1" });
 * deepStrictEqual([status, allowed], [200, false]);
 * ```
 */
export interface ClientOptions {
  /**
   * The proxies in front. As a list, their addresses or CIDR ranges, and "unix" for a peer on a Unix socket: prefer
   * this where the server knows its peer. As a number, how many of them there are, the one connected to us included:
   * safe only where no client can get around them. Default none.
   */
  trustedProxies?: number | readonly string[];
  /**
   * The header that those proxies write; any name but "x-forwarded-for" and "forwarded" holds one address. Default
   * "x-forwarded-for". No other header is ever consulted in its place.
   */
  header?: "x-forwarded-for" | "forwarded" | string;
  /**
   * The platform this runs on: what its edge sets is taken, and the peer where that is missing (a health check).
   * Whoever can reach the origin around the edge can set it too. "aws-lambda" reads `requestContext` of the event
   * that was passed beside the request.
   */
  platform?: Platform;
  /**
   * Your own way: given the request and what the server passed beside it, an address (also with a port), or null.
   * Text that is no address counts as null; what the function throws is thrown on. Say the type of what your server passes:
   * `address: (_request, event: RequestEvent) => event.getClientAddress()`.
   */
  // A method, so that a function may be more particular about what is passed.
  address?(request: Request, ...platform: unknown[]): string | null;
}

const HOPS = /* @__PURE__ */ integer(0);

const demands = (): Demands<ClientOptions> => ({
  trustedProxies: {
    must: "a number of hops or a list of addresses and CIDR ranges",
    holds: (proxies) => typeof proxies === "number" || Array.isArray(proxies),
  },
  header: {
    must: "the name of a header",
    // RFC 9110 §5.1.
    holds: (header) => typeof header === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header),
  },
  platform: oneOf(...namingPlatforms()),
  address: FUNCTION,
});

/**
 * The address of the client that sent a request.
 *
 * - Nothing trusted: the transport peer.
 * - Trusted ranges: from the peer through the header from the right, the first address that is not trusted; if the
 *   peer is not trusted, the peer; if all are, the leftmost.
 * - N trusted hops: the Nth address from the right; if there are fewer, the peer.
 * - An entry that is no address ends the search at the hop before it, or, when counting hops, at the peer.
 * - A header of one address that holds something else, or is missing: the peer.
 * - Private and reserved addresses are clients like any other.
 *
 * Bad requests never make it throw.
 *
 * @param request The request.
 * @param platform What the server passed beside the request: Deno's info, Bun's server, `{ incoming }` of
 * `@hono/node-server`, a `node:http` message, Netlify's context, Hono's context, or `{ ip }` from somebody who knows it.
 * @param options Whom to believe. Compiled once for each object: do not change it afterwards.
 * @returns Canonical text (IPv4 in dotted decimal, IPv6 as in RFC 5952), or null where nobody says: there is no peer,
 * or it is on a Unix socket.
 * @throws {TypeError} If the options are unsafe or mean nothing.
 * @throws {RangeError} If the number of hops is not a whole number of 0 or more.
 *
 * @example Behind one proxy
 * ```ts
 * import { clientAddress } from "@weir/throttle";
 * import assert from "node:assert/strict";
 *
 * const request = new Request("https://example.com/", {
 *   headers: { "x-forwarded-for": "6.6.6.6, 203.0.113.9" },
 * });
 * const info = { remoteAddr: { transport: "tcp", hostname: "10.0.0.1", port: 443 } };
 *
 * assert.equal(clientAddress(request, [info]), "10.0.0.1");
 * assert.equal(clientAddress(request, [info], { trustedProxies: ["10.0.0.0/8"] }), "203.0.113.9");
 * ```
 */
export function clientAddress(
  request: Request,
  platform: readonly unknown[],
  options?: ClientOptions,
): string | null {
  if (options === undefined) return addressOf(peerOf(request, platform));
  let read = compiled.get(options);
  if (read === undefined) {
    read = compileClient(options);
    compiled.set(options, read);
  }
  return addressOf(read(request, platform));
}

const compiled = new WeakMap<ClientOptions, ReadClient>();

/**
 * Turns options into the function that finds a client's address.
 *
 * @param options Whom to believe. Default `{}`, nobody.
 * @returns A function of a request and what came beside it: {@link clientAddress} without its options, but for a peer on a Unix
 * socket, which it calls {@link UNIX}.
 * @throws {TypeError} If the options are unsafe or mean nothing.
 * @throws {RangeError} If the number of hops is not a whole number of 0 or more.
 */
export function compileClient(options: ClientOptions = {}): ReadClient {
  refuseMeaningless(options);
  const { trustedProxies, header = "x-forwarded-for", platform, address } = options;
  if (address !== undefined) return ownAddress(address);
  if (platform !== undefined) return clientReader(platform);
  if (trustedProxies === undefined || trustedProxies === 0) return peerOf;
  const name = header.toLowerCase();
  const read = headerReader(name);
  const walk = typeof trustedProxies === "number"
    ? walkHops(trustedProxies, name)
    : walkRanges(trustedProxies);
  return (request, beside) => walk(peerOf(request, beside), read(request.headers.get(name) ?? ""));
}

/** A peer on a Unix socket may be trusted, but it has no address. */
function addressOf(client: string | null): string | null {
  return client === UNIX ? null : client;
}

function ownAddress(address: NonNullable<ClientOptions["address"]>): ReadClient {
  return (request, platform) => {
    const text: unknown = address(request, ...platform);
    if (text === null || text === undefined) return null;
    if (typeof text === "string") return forwardedAddress(text);
    throw new TypeError(cannot("use what client option address returned", "it must be text or null", text));
  };
}

function refuseMeaningless(options: ClientOptions): void {
  requireOptions(options, demands(), "use client options");
  const given = (Object.keys(options) as (keyof ClientOptions)[]).filter((name) =>
    options[name] !== undefined
  );
  const [source] = (["address", "platform"] as const).filter((name) => given.includes(name));
  const others = given.filter((name) => name !== source);
  if (source !== undefined && others.length > 0) {
    refuse(others[0], `${source} already says where the address is from`, others.join(", "));
  }
  const { header, trustedProxies } = options;
  if (typeof trustedProxies === "number" && !HOPS.holds(trustedProxies)) {
    throw new RangeError(
      cannot("use client option trustedProxies", `the number of hops must be ${HOPS.must}`, trustedProxies),
    );
  }
  if (header !== undefined && trustedProxies === undefined) {
    refuse("header", "any client can send it: trustedProxies must say who may", header);
  }
}

function refuse(name: string, reason: string, value: unknown): never {
  throw new TypeError(cannot(`use client option ${name}`, reason, value));
}
