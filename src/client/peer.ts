/**
 * Who is connected: the one file that knows what each runtime's server passes beside a request.
 *
 * | server | beside the request |
 * | --- | --- |
 * | `Deno.serve` | info, with `remoteAddr` |
 * | `Bun.serve` | the server, with `requestIP(request)` |
 * | `@hono/node-server` | `{ incoming, outgoing }` |
 * | `node:http` | the `IncomingMessage`, or its socket |
 * | Netlify | a context, with `ip` |
 * | srvx | nothing; the request itself has `ip` and `runtime` |
 * | a framework, by hand | `{ ip }` |
 * | Hono | its context; its `env` is, or holds, one of the above |
 *
 * @module
 */

import { canonicalAddress } from "./address.ts";

/** What {@link peerOf} calls a peer on a Unix socket, which has no address. */
export const UNIX = "unix";

/** As much as there may be of what a server passes. Nothing of it is certain: every step is looked at first. */
interface Passed {
  readonly env?: Passed;
  readonly server?: Passed & { address?(): unknown };
  readonly context?: Passed;
  readonly remoteAddr?: { readonly transport?: unknown; readonly hostname?: unknown };
  readonly requestIP?: (request: Request) => { readonly address?: unknown } | null | undefined;
  readonly address?: unknown;
  readonly incoming?: Passed;
  readonly socket?: Passed;
  readonly remoteAddress?: unknown;
  readonly destroyed?: unknown;
  readonly ip?: unknown;
}

/** The marks that srvx leaves on a request. */
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
 * Who is at the other end of the connection, as the server says it. No header is looked at.
 *
 * @param request The request.
 * @param platform What the server passed beside it.
 * @returns The peer's address in canonical text, {@link UNIX} for a peer on a Unix socket, or null where the server
 * does not say (any more: sockets forget their peer when they close).
 */
export function peerOf(request: Request, platform: readonly unknown[]): string | null {
  try {
    const passed = passedBeside(platform) as Passed | undefined;
    return peerIn(passed, request) ?? peerIn(passed?.server, request) ?? peerIn(passed?.context, request) ??
      srvxPeer(request);
  } catch {
    // The socket of a closed HTTP/2 stream throws at any look.
    return null;
  }
}

/**
 * Has the client of a request left? Asked only where its peer is unknown, which a closed socket makes it. (Deno keeps the
 * peer, and would print a notice of its own for every server whose requests' signals are looked at.)
 *
 * @param request The request.
 * @param platform What the server passed beside it.
 */
export function hasLeft(request: Request, platform: readonly unknown[]): boolean {
  try {
    const passed = passedBeside(platform) as Passed | undefined;
    if (passed?.remoteAddr !== undefined) return false;
    return isClosed(passed) || isClosed((request as SrvxRequest).runtime?.node?.req) ||
      request.signal?.aborted === true;
  } catch {
    // As above: it is closed.
    return true;
  }
}

function isClosed(passed: Passed | undefined): boolean {
  if (!passed) return false;
  return [passed, passed.server, passed.context].some((place) => {
    const holder = place?.incoming ?? place;
    return (holder?.socket ?? holder)?.destroyed === true;
  });
}

/**
 * What the server passed as its first value beside a request; inside Hono, what Hono's server passed to Hono.
 *
 * @param platform What came beside the request.
 * @returns An object, or undefined where there is none.
 */
export function passedBeside(platform: readonly unknown[]): object | undefined {
  const first = platform[0];
  if (typeof first !== "object" || first === null) return undefined;
  if (!("env" in first)) return first;
  // Of Hono's context `env` alone: its `executionCtx` and `event` throw where there is none.
  return typeof first.env === "object" && first.env !== null ? first.env : undefined;
}

function peerIn(passed: Passed | undefined, request: Request): string | null {
  if (!passed) return null;
  const { remoteAddr } = passed;
  if (remoteAddr) return remoteAddr.transport === "unix" ? UNIX : canonicalAddress(remoteAddr.hostname);
  if (typeof passed.requestIP === "function") return bunPeer(passed, request);
  const socket = passed.incoming?.socket ?? passed.socket;
  // Beside a socket an `ip` is a framework's opinion; alone it is Netlify's.
  return socket ? nodePeer(socket) : nodePeer(passed) ?? canonicalAddress(passed.ip);
}

function bunPeer(server: Passed, request: Request): string | null {
  const address = server.requestIP!(request)?.address;
  if (address !== undefined) return canonicalAddress(address);
  return typeof server.address === "string" ? UNIX : null;
}

function nodePeer(socket: Passed): string | null {
  if (socket.remoteAddress !== undefined) return canonicalAddress(socket.remoteAddress);
  // A TCP socket whose client has gone has no address either, so having none does not make a peer a Unix one (and
  // trusted): its server must be listening on a path.
  const server = socket.server;
  return typeof server?.address === "function" && typeof server.address() === "string" ? UNIX : null;
}

function srvxPeer(request: Request): string | null {
  const { runtime } = request as SrvxRequest;
  // Only where it is srvx's own: other frameworks' requests have an `ip` that is read from headers.
  if (!Object.hasOwn(request, "ip") && typeof runtime?.name !== "string") return null;
  return canonicalAddress((request as SrvxRequest).ip) ??
    peerIn(runtime?.node?.req ?? runtime?.deno?.info ?? runtime?.bun?.server, request);
}
