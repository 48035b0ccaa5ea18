/**
 * The target of a request line that is a whole URL, as node hands it over beside the request.
 *
 * @module
 */

import { joinRoutes, type Match, type Route } from "../rules/match.ts";

/** The members of node's IncomingMessage that identify it, and its target. */
interface Incoming {
  readonly url?: unknown;
  readonly socket?: unknown;
}

/** The target, or null if it is a path, which all routers read alike. */
function absoluteTarget(platform: readonly unknown[]): string | null {
  const { url, socket } = (platform[0] ?? {}) as Incoming;
  const isAbsolute = typeof url === "string" && url.includes("://") && !url.startsWith("/");
  return isAbsolute && typeof socket === "object" ? url : null;
}

/**
 * Matches a request, and the target beside it too: Express finds a path in a URL that the URL standard refuses
 * ("http://:80/login"), and the bridge that makes a Request of it finds none.
 *
 * @param match Matches one of them.
 * @param request The request.
 * @param platform The values beside the request.
 */
export function matchBoth(match: Match, request: Request, platform: readonly unknown[]): Route {
  const matched = match(request);
  const url = absoluteTarget(platform);
  if (url === null) return matched;
  return joinRoutes(matched, match({ method: request.method, url, headers: request.headers }));
}
