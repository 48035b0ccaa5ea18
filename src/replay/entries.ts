/**
 * Requests in little room, put in the order of their times.
 *
 * @module
 */

import { canonicalAddress } from "../client/address.ts";
import type { Entry } from "./formats/format.ts";
import type { LoggedRequest } from "./logged_request.ts";

const BLOCK = 1 << 14;

/** Requests in columns: an object for each of ten million lines would take some gigabytes. */
interface Block {
  readonly at: Float64Array;
  readonly url: Uint32Array;
  readonly address: Uint32Array;
  readonly agent: Uint32Array;
  readonly method: Uint16Array;
  readonly status: Uint16Array;
  /** Null while there is none, as in most logs. */
  durationMs: Float32Array | null;
  /** Null while there is none. */
  user: Uint32Array | null;
}

function newBlock(): Block {
  return {
    at: new Float64Array(BLOCK),
    url: new Uint32Array(BLOCK),
    address: new Uint32Array(BLOCK),
    agent: new Uint32Array(BLOCK),
    method: new Uint16Array(BLOCK),
    status: new Uint16Array(BLOCK),
    durationMs: null,
    user: null,
  };
}

/** Texts by number. The number of null is 0. */
class Texts<T extends string | null = string> {
  readonly values: (T | null)[] = [null];
  readonly #numbers = new Map<string, number>();
  readonly #convert: (text: string) => T;

  constructor(convert: (text: string) => T) {
    this.#convert = convert;
  }

  numberOf(text: string | null): number {
    if (text === null || text === "") return 0;
    let number = this.#numbers.get(text);
    if (number === undefined) {
      // A slice keeps the text that it was cut from alive, which here is a part of the log: this makes a copy.
      const copy = ` ${text}`.slice(1);
      number = this.values.push(this.#convert(copy)) - 1;
      this.#numbers.set(copy, number);
    }
    return number;
  }
}

/** The requests of a log. */
export class Entries {
  length = 0;
  withoutAddress = 0;
  wholeSeconds = true;
  readonly #blocks: Block[] = [];
  readonly #methods = new Texts((text) => text);
  readonly #urls = new Texts((text) => text);
  readonly #addresses = new Texts(canonicalAddress);
  readonly #agents = new Texts((text) => text);
  readonly #users = new Texts((text) => text);
  #isSorted = true;
  #last = -Infinity;
  #order: Uint32Array | null = null;

  add(entry: Entry): void {
    const index = this.length % BLOCK;
    if (index === 0) this.#blocks.push(newBlock());
    const block = this.#blocks[this.#blocks.length - 1];
    this.length++;
    if (entry.at < this.#last) this.#isSorted = false;
    this.#last = entry.at;
    if (entry.at % 1000 !== 0) this.wholeSeconds = false;
    const address = this.#addresses.numberOf(entry.address);
    if (this.#addresses.values[address] === null) this.withoutAddress++;
    block.at[index] = entry.at;
    block.url[index] = this.#urls.numberOf(entry.url);
    block.address[index] = address;
    block.agent[index] = this.#agents.numberOf(entry.userAgent);
    block.method[index] = this.#methods.numberOf(entry.method);
    block.status[index] = entry.status;
    if (entry.durationMs >= 0) {
      block.durationMs ??= new Float32Array(BLOCK).fill(-1);
      block.durationMs[index] = entry.durationMs;
    }
    if (entry.user !== null) {
      block.user ??= new Uint32Array(BLOCK);
      block.user[index] = this.#users.numberOf(entry.user);
    }
  }

  /** Puts the requests in the order of their times; those of one time stay as they were. */
  sort(): void {
    if (this.#isSorted) return;
    const at = new Float64Array(this.length);
    const order = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i++) {
      at[i] = this.#blocks[Math.floor(i / BLOCK)].at[i % BLOCK];
      order[i] = i;
    }
    this.#order = order.sort((a, b) => at[a] - at[b] || a - b);
  }

  at(index: number): number {
    const place = this.#order === null ? index : this.#order[index];
    return this.#blocks[Math.floor(place / BLOCK)].at[place % BLOCK];
  }

  get(index: number): LoggedRequest {
    const place = this.#order === null ? index : this.#order[index];
    const block = this.#blocks[Math.floor(place / BLOCK)];
    const i = place % BLOCK;
    const request: LoggedRequest = {
      at: block.at[i],
      method: this.#methods.values[block.method[i]] as string,
      url: this.#urls.values[block.url[i]] as string,
      address: this.#addresses.values[block.address[i]],
    };
    if (block.status[i] !== 0) request.status = block.status[i];
    // To the microsecond, as logs have it.
    const durationMs = block.durationMs?.[i] ?? -1;
    if (durationMs >= 0) request.durationMs = Math.round(durationMs * 1000) / 1000;
    const agent = this.#agents.values[block.agent[i]];
    if (agent !== null) request.userAgent = agent;
    const id = this.#users.values[block.user?.[i] ?? 0];
    // A name that was refused is nobody's.
    if (id !== null && block.status[i] !== 401) request.identity = { id };
    return request;
  }
}
