/**
 * The actions due at the ends of requests, in the order of the ends.
 *
 * @module
 */

import { isPromise, type MaybePromise } from "../maybe.ts";

/** The action at an end. */
type Action = () => MaybePromise<unknown>;

interface End {
  readonly at: number;
  readonly act: Action;
}

/** A heap: the earliest end is first. */
export class Ends {
  readonly #heap: End[] = [];

  /** When the first one is, epoch ms; Infinity where there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].at;
  }

  add(at: number, act: Action): void {
    const heap = this.#heap;
    const end = { at, act };
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
  #take(): Action {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop() as End;
    if (heap.length === 0) return first.act;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= last.at) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first.act;
  }

  /**
   * Runs the actions that are due until a time, each after the one before it.
   *
   * @param moveTo Gets the time of each action before that runs.
   */
  runUntil(at: number, moveTo: (at: number) => void): MaybePromise<void> {
    while (this.next <= at) {
      moveTo(this.next);
      const done = this.#take()();
      if (isPromise(done)) return done.then(() => this.runUntil(at, moveTo));
    }
  }
}
