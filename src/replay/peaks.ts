/**
 * The most requests of each client within any window's length.
 *
 * @module
 */

import { letGo } from "./let_go.ts";
import { PackedRows } from "./packed_rows.ts";

const BITS = 16;
const CHUNK = 1 << BITS;
const MASK = CHUNK - 1;

/**
 * Counts requests by client, for several windows at once. A window is half-open: `[t, t + window)`. The requests of a client are
 * linked to each other in columns, some six bytes each: lists per client would take many times as much.
 */
export class Peaks {
  /** How many clients there are. */
  clients = 0;
  readonly #windows: readonly number[];
  /** Requests are numbered from 1, as 0 stands for none. */
  #length = 1;
  /** The times of the last few requests, and those of all before them. */
  readonly #lastTimes = new Float64Array(CHUNK);
  readonly #times: PackedRows[] = [];
  /** The client's next request after each. */
  readonly #next: Uint32Array[] = [];
  /** For each client its last request, 0 where there is none, and the one that it began with. */
  #last = new Uint32Array(64);
  #begin = new Uint32Array(64);
  // For each client and window: the first request within the window that ends now, its time, how many are within, and the most.
  #first: Uint32Array;
  #since: Float64Array;
  #within: Uint32Array;
  #most: Uint32Array;

  /** @param windows In ms, in any order. */
  constructor(windows: readonly number[]) {
    this.#windows = windows;
    const cells = 64 * windows.length;
    this.#first = new Uint32Array(cells);
    this.#since = new Float64Array(cells);
    this.#within = new Uint32Array(cells);
    this.#most = new Uint32Array(cells);
  }

  /**
   * A request of a client.
   *
   * @param client Its number, small as numbers of clients are.
   * @param at Not earlier than that of the request before.
   */
  add(client: number, at: number): void {
    const index = this.#append(at);
    if (client >= this.#last.length) this.#grow(client + 1);
    if (this.#last[client] === 0) this.#addClient(client, index, at);
    else {
      const last = this.#last[client];
      this.#next[last >>> BITS][last & MASK] = index;
    }
    this.#last[client] = index;
    const windows = this.#windows;
    for (let i = 0, cell = client * windows.length; i < windows.length; i++, cell++) {
      const within = ++this.#within[cell];
      const end = at - windows[i];
      if (this.#since[cell] <= end) this.#leave(cell, end);
      else if (within > this.#most[cell]) this.#most[cell] = within;
    }
  }

  #append(at: number): number {
    const index = this.#length++;
    const place = index & MASK;
    if (index >>> BITS === this.#next.length) this.#next.push(new Uint32Array(CHUNK));
    this.#lastTimes[place] = at;
    if (place === MASK) this.#times.push(new PackedRows([this.#lastTimes]));
    return index;
  }

  #timeOf(index: number): number {
    const chunk = index >>> BITS;
    return chunk === this.#times.length
      ? this.#lastTimes[index & MASK]
      : this.#times[chunk].get(index & MASK, 0);
  }

  #addClient(client: number, index: number, at: number): void {
    this.clients++;
    this.#begin[client] = index;
    const cell = client * this.#windows.length;
    this.#first.fill(index, cell, cell + this.#windows.length);
    this.#since.fill(at, cell, cell + this.#windows.length);
  }

  #grow(least: number): void {
    const clients = Math.max(least, 2 * this.#last.length);
    const cells = clients * this.#windows.length;
    this.#last = copied(this.#last, new Uint32Array(clients));
    this.#begin = copied(this.#begin, new Uint32Array(clients));
    this.#first = copied(this.#first, new Uint32Array(cells));
    this.#since = copied(this.#since, new Float64Array(cells));
    this.#within = copied(this.#within, new Uint32Array(cells));
    this.#most = copied(this.#most, new Uint32Array(cells));
  }

  /** Lets go of the requests that are no longer within the window; the last one always is. */
  #leave(cell: number, end: number): void {
    let first = this.#first[cell];
    let since = this.#since[cell];
    let within = this.#within[cell];
    while (since <= end) {
      first = this.#next[first >>> BITS][first & MASK];
      since = this.#timeOf(first);
      within--;
    }
    this.#first[cell] = first;
    this.#since[cell] = since;
    this.#within[cell] = within;
    if (within > this.#most[cell]) this.#most[cell] = within;
  }

  /** The most requests of each client in a window, by its number; 0 for numbers without a request. */
  most(window: number): Uint32Array {
    const { length } = this.#windows;
    const most = new Uint32Array(this.#last.length);
    for (let client = 0; client < most.length; client++) most[client] = this.#most[client * length + window];
    return most;
  }

  /** How many requests of a client `fixedWindow()` refuses: a window opens with the first request after the last one. */
  refusedByFixedWindow(client: number, window: number, limit: number): number {
    const windowMs = this.#windows[window];
    let refused = 0;
    let end = -Infinity;
    let used = 0;
    for (let index = this.#begin[client];; index = this.#next[index >>> BITS][index & MASK]) {
      const at = this.#timeOf(index);
      if (at >= end) {
        end = at + windowMs;
        used = 0;
      }
      if (used < limit) used++;
      else refused++;
      if (index === this.#last[client]) return refused;
    }
  }
}

function copied<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  letGo(from);
  return to;
}
