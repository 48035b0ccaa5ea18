/**
 * The transport peer. This file alone knows the argument that each runtime's server passes after a request.
 *
 * | server | argument after the request |
 * | --- | --- |
 * | `Deno.serve` | info, with `remoteAddr` |
 * | `Bun.serve` | the server, with `requestIP(request)` |
 * | `@hono/node-server` | `{ incoming, outgoing }` |
 * | `node:http` | the `IncomingMessage`, or its socket |
 * | Netlify | a context, with `ip` |
 * | srvx | nothing; the request itself has `ip` and `runtime` |
 * | your own code | `{ ip }` |
 * | Hono | its context; its `env` is, or contains, one of the above |
 *
 * @module
 */

import { canonicalAddress } from "./address.ts";

/** {@link peerOf} returns this for a peer on a Unix socket, which has no address. */
export const UNIX = "unix";

/** The members of a server's argument that are read. Any of them may be missing, so each is tested first. */
interface Passed {
  readonly env?: Passed;
  readonly server?: Passed & { address?(): unknown };
  readonly context?: Passed;
  readonly remoteAddr?: {
    readonly transport?: unknown;
    readonly hostname?: unknown;
    readonly port?: unknown;
  };
  readonly requestIP?: (request: Request) => { readonly address?: unknown } | null | undefined;
  readonly address?: unknown;
  readonly incoming?: Passed;
  readonly socket?: Passed;
  readonly remoteAddress?: unknown;
  readonly localAddress?: unknown;
  readonly destroyed?: unknown;
  readonly ip?: unknown;
}

/** The members that srvx adds to a request. */
interface SrvxRequest {
  readonly ip?: unknown;
  readonly runtime?: {
    readonly name?: unknown;
    readonly node?: { readonly req?: Passed };
    readonly deno?: { readonly info?: Passed };
    readonly bun?: { readonly server?: Passed };
  };
}

/**
 * The peer of the connection, as the server reports it. No header is read.
 *
 * @param request The request.
 * @param platform The server's further arguments.
 * @returns The peer's address in canonical text, {@link UNIX} for a peer on a Unix socket, or null if the
 * server does not report it (a closed socket forgets its peer).
 */
export function peerOf(request: Request, platform: readonly unknown[]): string | null {
  try {
    const passed = serverArgument(platform) as Passed | undefined;
    return peerIn(passed, request) ?? peerIn(passed?.server, request) ?? peerIn(passed?.context, request) ??
      srvxPeer(request);
  } catch {
    // Every access to the socket of a closed HTTP/2 stream throws.
    return null;
  }
}

/**
 * Has the client disconnected? Asked only for an unknown peer, since a closed socket makes the peer unknown.
 * (Deno keeps the peer, and prints a notice on every server that reads the signal of a request.)
 *
 * @param request The request.
 * @param platform The server's further arguments.
 */
export function hasLeft(request: Request, platform: readonly unknown[]): boolean {
  try {
    const beneath = srvxArgument(request as SrvxRequest);
    const passed = (serverArgument(platform) ?? beneath) as Passed | undefined;
    // Deno's name for a peer that was gone before it asked; on Supabase all have that address, and a port.
    if (passed?.remoteAddr) return passed.remoteAddr.port === 0 && peerIn(passed, request) === null;
    const holders = [passed, passed?.server, passed?.context, beneath];
    return holders.some(isClosed) || request.signal?.aborted === true;
  } catch {
    // The stream is closed, as above.
    return true;
  }
}

function isClosed(argument: Passed | undefined): boolean {
  const socket = argument?.incoming?.socket ?? argument?.socket ?? argument;
  // Node notices that a connection was reset when it reads from it the next time; until then it has an end here and none there.
  return socket?.destroyed === true || (socket?.remoteAddress === undefined && !!socket?.localAddress);
}

/**
 * The server's first argument after a request; for Hono's context, the argument that Hono received from its
 * server.
 *
 * @param platform The server's further arguments.
 * @returns An object, or undefined if there is none.
 */
export function serverArgument(platform: readonly unknown[]): object | undefined {
  const first = platform[0];
  if (typeof first !== "object" || first === null) return undefined;
  if (!("env" in first)) return first;
  // Hono's `executionCtx` and `event` throw on other servers, so only `env` is read.
  return typeof first.env === "object" && first.env !== null ? first.env : undefined;
}

function peerIn(passed: Passed | undefined, request: Request): string | null {
  if (!passed) return null;
  const { remoteAddr } = passed;
  if (remoteAddr) return remoteAddr.transport === "unix" ? UNIX : canonicalAddress(remoteAddr.hostname);
  if (typeof passed.requestIP === "function") return bunPeer(passed, request);
  const socket = passed.incoming?.socket ?? passed.socket;
  // Beside a socket, a framework may have read `ip` from a header; without a socket, `ip` is Netlify's.
  return socket ? nodePeer(socket) : nodePeer(passed) ?? canonicalAddress(passed.ip);
}

function bunPeer(server: Passed, request: Request): string | null {
  const peer = server.requestIP!(request);
  return peer ? canonicalAddress(peer.address) : typeof server.address === "string" ? UNIX : null;
}

function nodePeer(socket: Passed): string | null {
  const { remoteAddress } = socket;
  if (remoteAddress !== undefined) return canonicalAddress(remoteAddress);
  // A closed TCP socket has no address either. A peer counts as a (trusted) Unix peer only if its server
  // listens on a path.
  const server = socket.server;
  return typeof server?.address === "function" && typeof server.address() === "string" ? UNIX : null;
}

/** The argument of the server that srvx is on. */
function srvxArgument({ runtime }: SrvxRequest): Passed | undefined {
  return runtime?.node?.req ?? runtime?.deno?.info ?? runtime?.bun?.server;
}

function srvxPeer(request: Request & SrvxRequest): string | null {
  // Only srvx's own `ip` is read: other frameworks read the `ip` of their requests from headers.
  if (!Object.hasOwn(request, "ip") && typeof request.runtime?.name !== "string") return null;
  return canonicalAddress(request.ip) ?? peerIn(srvxArgument(request), request);
}
