/**
 * The most frequent names, in fixed memory: Space-Saving (Metwally, Agrawal and El Abbadi, 2005). It contains
 * every name with a share above 1/capacity.
 *
 * @module
 */

/** A name and its count. */
export interface Counted {
  /** The name. */
  readonly name: string;
  /**
   * The least number of occurrences. It excludes occurrences that may be another name's, so it never accuses
   * a client falsely.
   */
  readonly count: number;
}

/** Names and their counts. */
export interface SpaceSaving {
  /** Counts a name. */
  add(name: string): void;
  /** The most frequent names, at most `most`, in descending order. */
  top(most: number): Counted[];
}

interface Entry {
  name: string;
  count: number;
  /** The part of the count that may belong to evicted names. */
  error: number;
  /** The index in the heap. */
  index: number;
}

/** Orders by count, descending, then by name. */
export function byCount(a: Counted, b: Counted): number {
  return b.count - a.count || (a.name < b.name ? -1 : 1);
}

/**
 * @param capacity The number of names.
 * @returns An empty sketch.
 */
export function spaceSaving(capacity: number): SpaceSaving {
  const entries = new Map<string, Entry>();
  /** A binary heap with the least count at its top: the next to evict. */
  const heap: Entry[] = [];

  function put(entry: Entry, index: number): void {
    heap[index] = entry;
    entry.index = index;
  }

  /** Moves an entry down after its count grew. */
  function sink(entry: Entry): void {
    let { index } = entry;
    for (;;) {
      let child = 2 * index + 1;
      if (child + 1 < heap.length && heap[child + 1].count < heap[child].count) child++;
      if (child >= heap.length || heap[child].count >= entry.count) break;
      put(heap[child], index);
      index = child;
    }
    put(entry, index);
  }

  /** Moves a new entry, which has the least count, up. */
  function rise(entry: Entry): void {
    let { index } = entry;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].count <= entry.count) break;
      put(heap[parent], index);
      index = parent;
    }
    put(entry, index);
  }

  return {
    add(name) {
      const known = entries.get(name);
      if (known !== undefined) {
        known.count++;
        sink(known);
      } else if (heap.length < capacity) {
        const entry = { name, count: 1, error: 0, index: heap.length };
        entries.set(name, entry);
        rise(entry);
      } else {
        const [least] = heap;
        entries.delete(least.name);
        entries.set(name, least);
        least.name = name;
        least.error = least.count++;
        sink(least);
      }
    },
    top: (most) =>
      heap.map(({ name, count, error }) => ({ name, count: count - error })).sort(byCount).slice(0, most),
  };
}
