/**
 * The address of the client, as far as it can be trusted.
 *
 * @module
 */

import { peerOf, UNIX } from "./peer.ts";
import { clientReader, type Platform, platformsWithClient, type ReadClient } from "./platforms.ts";
import { forwardedAddress, headerReader, walkHops, walkRanges } from "./proxies.ts";
import { cannot } from "../cannot.ts";
import { type Demands, FUNCTION, HEADER_NAME, integer, oneOf, requireOptions } from "../options.ts";

/**
 * The sources that are trusted to name the client's address. The default, `{}`, trusts none: the client is
 * the transport peer, and forwarding headers, which any client can send, are ignored.
 *
 * Set one of these: `trustedProxies` (with or without `header`), `platform`, or `address`.
 *
 * If a server or a framework passes no argument after the request, pass the peer's address yourself, as `{ ip
 * }`. These options then apply to that peer.
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
   * The proxies in front of the server. As a list, their addresses or CIDR ranges, and "unix" for a peer on a
   * Unix socket: prefer a list if the server knows its peer. As a number, how many proxies there are,
   * including the one that connects to the server: this is safe only if no client can bypass them. Default
   * none.
   */
  trustedProxies?: number | readonly string[];
  /**
   * The header that these proxies write. "x-forwarded-for" and "forwarded" hold a list; any other header
   * holds one address. Default "x-forwarded-for". No other header is read instead.
   */
  header?: "x-forwarded-for" | "forwarded" | string;
  /**
   * The hosting platform: the client is the address that its edge sets, or the peer if that is missing (a
   * health check). A client that can bypass the edge can set the address too. "aws-lambda" reads
   * `requestContext` of the event that follows the request.
   */
  platform?: Platform;
  /**
   * Your own function: it receives the request and the server's further arguments and returns an address (a
   * port may follow it) or null. Any other text counts as null; an error from the function is rethrown.
   * Declare the type of the argument that your server passes: `address: (_request, event: RequestEvent) =>
   * event.getClientAddress()`.
   */
  // A method, so that a function may declare more specific types for the server's arguments.
  address?(request: Request, ...platform: unknown[]): string | null;
}

const HOPS = /* @__PURE__ */ integer(0);

const demands = (): Demands<ClientOptions> => ({
  trustedProxies: {
    must: "a number of hops or a list of addresses and CIDR ranges",
    holds: (proxies) => typeof proxies === "number" || Array.isArray(proxies),
  },
  header: HEADER_NAME,
  platform: oneOf(...platformsWithClient()),
  address: FUNCTION,
});

/**
 * The address of the client that sent a request.
 *
 * - Without trusted proxies: the transport peer.
 * - With trusted ranges: the first untrusted address, reading from the peer through the header from right to
 * left; the peer if it is not trusted; the leftmost address if all are trusted.
 * - With N trusted hops: the Nth address from the right, or the peer if there are fewer.
 * - An entry that is not an address ends the search at the hop before it, or, with trusted hops, at the peer.
 * - A one-address header that is missing or holds other text: the peer.
 * - Private and reserved addresses are clients like any other.
 *
 * Malformed requests never cause an error.
 *
 * @param request The request.
 * @param platform The arguments that the server passed after the request: Deno's info, Bun's server, `{
 * incoming }` of `@hono/node-server`, a `node:http` message, Netlify's context, Hono's context, or `{ ip }`
 * from your own code.
 * @param options The trusted sources. Compiled once per object: do not change the object afterwards.
 * @returns Canonical text (IPv4 in dotted decimal, IPv6 as in RFC 5952), or null if there is no peer, or if
 * the peer is on a Unix socket.
 * @throws {TypeError} If the options are unsafe or contradict each other.
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
 * Compiles options into the function that finds a client's address.
 *
 * @param options The trusted sources. Default `{}`, none.
 * @returns {@link clientAddress} with these options, but for a peer on a Unix socket, which it calls {@link UNIX}.
 * @throws {TypeError} If the options are unsafe or contradict each other.
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
    throw new TypeError(cannot("use the result of client option address", "it must be text or null", text));
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
