/**
 * Counts by name.
 *
 * @module
 */

/** How many keys and routes a report names. */
const MOST_NAMED = 20;

/** How many URLs are remembered. */
const REMEMBERED = 1 << 16;

/** Adds to a count. */
export function add<K>(counts: Map<K, number>, key: K, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** The entries that weigh most, most first; equals by name. */
export function most<T>(
  counts: Iterable<readonly [string, T]>,
  weight: (value: T) => number,
  count: number = MOST_NAMED,
): (readonly [string, T])[] {
  const heavy: (readonly [string, T])[] = [];
  for (const entry of counts) if (weight(entry[1]) > 0) heavy.push(entry);
  return heavy.sort(([a, m], [b, n]) => weight(n) - weight(m) || (a < b ? -1 : a > b ? 1 : 0)).slice(
    0,
    count,
  );
}

/** A path without the parts that differ from one object to the next. */
function generalPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  const path = start === -1 ? "/" : url.slice(start, end === -1 ? undefined : start + end);
  return path.slice(0, 200).replace(/\/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,})(?=\/|$)/gi, "/:id");
}

/** Finds the general paths of URLs, of which most come many times. */
export function generalPaths(): (url: string) => string {
  const known = new Map<string, string>();
  return (url) => {
    let path = known.get(url);
    if (path === undefined) {
      if (known.size >= REMEMBERED) known.clear();
      path = generalPath(url);
      known.set(url, path);
    }
    return path;
  };
}
