/**
 * What comes most often, in fixed memory: Space-Saving (Metwally, Agrawal and El Abbadi, 2005). Whatever came more often than
 * 1/capacity of all is in it.
 *
 * @module
 */

/** A name and how often it came. */
export interface Counted {
  /** The name. */
  readonly name: string;
  /** How often it came at least: what may be another's is not in it, so nobody is accused of more than the truth. */
  readonly count: number;
}

/** Names, and how often each came. */
export interface SpaceSaving {
  /** Notes a name. */
  add(name: string): void;
  /** The names that came most often, at most `most`, that which came most first. */
  top(most: number): Counted[];
}

interface Entry {
  name: string;
  count: number;
  /** How much of the count may be that of names whose place it took. */
  error: number;
  /** Its place in the heap. */
  place: number;
}

/** Orders what came more often first, and what came as often by name. */
export function byCount(a: Counted, b: Counted): number {
  return b.count - a.count || (a.name < b.name ? -1 : 1);
}

/**
 * @param capacity How many names it holds.
 * @returns An empty sketch.
 */
export function spaceSaving(capacity: number): SpaceSaving {
  const entries = new Map<string, Entry>();
  /** A binary heap, the least count at its top: the one to go. */
  const heap: Entry[] = [];

  function put(entry: Entry, place: number): void {
    heap[place] = entry;
    entry.place = place;
  }

  /** Moves an entry whose count grew down to where it belongs. */
  function sink(entry: Entry): void {
    let { place } = entry;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < heap.length && heap[child + 1].count < heap[child].count) child++;
      if (child >= heap.length || heap[child].count >= entry.count) break;
      put(heap[child], place);
      place = child;
    }
    put(entry, place);
  }

  /** Moves an entry that is new, so of the least count, up to where it belongs. */
  function rise(entry: Entry): void {
    let { place } = entry;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent].count <= entry.count) break;
      put(heap[parent], place);
      place = parent;
    }
    put(entry, place);
  }

  return {
    add(name) {
      const known = entries.get(name);
      if (known !== undefined) {
        known.count++;
        sink(known);
      } else if (heap.length < capacity) {
        const entry = { name, count: 1, error: 0, place: heap.length };
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
