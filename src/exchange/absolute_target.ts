/**
 * The target of a request line that is a whole URL, as node hands it over beside the request.
 *
 * @module
 */

/** As much of node's IncomingMessage as tells it apart, and its target. */
interface Incoming {
  readonly url?: unknown;
  readonly socket?: unknown;
}

/**
 * Express reads a path out of a URL that the URL standard refuses ("http://:80/login"), and whoever makes a Request of it
 * has no path to give: so rules are to be matched with both.
 *
 * @param platform What was passed beside the request.
 * @returns Null where there is none, or only a path, which all read alike.
 */
export function absoluteTarget(platform: readonly unknown[]): string | null {
  const { url, socket } = (platform[0] ?? {}) as Incoming;
  return typeof url === "string" && url.includes("://") && !url.startsWith("/") && typeof socket === "object"
    ? url
    : null;
}
