/**
 * The actions due at the ends of requests, in the order of the ends.
 *
 * @module
 */

interface End<T> {
  readonly at: number;
  readonly value: T;
}

/** A heap: the earliest end is first. */
export class Ends<T> {
  readonly #heap: End<T>[] = [];

  /** When the first one is, epoch ms; Infinity where there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].at;
  }

  add(at: number, value: T): void {
    const heap = this.#heap;
    const end = { at, value };
    let index = heap.push(end) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].at <= at) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = end;
  }

  /** Takes the first one out. */
  take(): T {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop() as End<T>;
    if (heap.length === 0) return first.value;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= last.at) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first.value;
  }
}
