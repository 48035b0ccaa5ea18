/**
 * Maps that are bounded.
 *
 * @module
 */

/** The most origins, and the most buckets, lanes and routes per origin. */
const MAX_ENTRIES = 1000;

/** The value of a key, created if it is missing. The oldest entry leaves a full map. */
export function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  const [oldest] = map.set(key, found).keys();
  if (map.size > MAX_ENTRIES) map.delete(oldest);
  return found;
}
