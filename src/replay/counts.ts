/**
 * Counts by name.
 *
 * @module
 */

/** How many keys and routes a report names. */
const MAX_NAMED = 20;

/** Adds one to a count. */
export function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The entries that a report names: those that weigh most, most first; equals by name. */
export function most<T>(
  counts: Iterable<readonly [string, T]>,
  weight: (value: T) => number,
): (readonly [string, T])[] {
  const heavy: (readonly [string, T])[] = [];
  for (const entry of counts) if (weight(entry[1]) > 0) heavy.push(entry);
  return heavy.sort(([a, m], [b, n]) => weight(n) - weight(m) || (a < b ? -1 : a > b ? 1 : 0))
    .slice(0, MAX_NAMED);
}
