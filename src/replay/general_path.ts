/**
 * Paths of many objects as one.
 *
 * @module
 */

/** The most URLs that are remembered. */
const MAX_URLS = 1 << 13;

/** A path without the parts that differ from one object to the next. */
function generalPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  const path = start === -1 ? "/" : url.slice(start, end === -1 ? undefined : start + end);
  return path.slice(0, 200).replace(/\/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,})(?=\/|$)/gi, "/:id");
}

/** Finds the general paths of URLs. It remembers them, as most URLs come many times. */
export function generalPaths(): (url: string) => string {
  const known = new Map<string, string>();
  return (url) => {
    let path = known.get(url);
    if (path === undefined) {
      if (known.size >= MAX_URLS) known.clear();
      path = generalPath(url);
      known.set(url, path);
    }
    return path;
  };
}
