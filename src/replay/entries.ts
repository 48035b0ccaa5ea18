/**
 * Requests in little room, put in the order of their times.
 *
 * @module
 */

import { isPromise } from "../maybe.ts";
import { Addresses } from "./addresses.ts";
import type { Visit } from "./each_request.ts";
import type { Entry, KnownTarget } from "./formats/format.ts";
import type { LoggedRequest } from "./logged_request.ts";
import { orderOf } from "./order.ts";
import { Targets, Texts } from "./texts.ts";

/** Requests in a block. An allocator gives columns of a megabyte back to the system, and smaller ones to this process alone. */
const BLOCK = 1 << 18;

/** The largest number that is no size: a size of 4 GB or more counts as unknown. */
const NO_SIZE = 0xffff_ffff;

/** Requests in columns: an object for each of ten million lines would take some gigabytes. */
interface Block {
  /** The times, less `base`. Whole numbers of 32 bits where that is possible, as it is in nearly all logs. */
  at: Uint32Array | Float64Array;
  base: number;
  readonly target: Uint32Array;
  readonly address: Uint32Array;
  readonly agent: Uint32Array;
  readonly status: Uint16Array;
  /** Null where nobody asks for it. */
  readonly bytes: Uint32Array | null;
  /** Null while there is none, as in most logs; so are the next ones. */
  durationMs: Float32Array | null;
  user: Uint32Array | null;
  apiKey: Uint32Array | null;
}

function newBlock(at: number, keepsBytes: boolean): Block {
  return {
    at: new Uint32Array(BLOCK),
    // Lines may be some weeks earlier than the first one.
    base: at - 2 ** 31,
    target: new Uint32Array(BLOCK),
    address: new Uint32Array(BLOCK),
    agent: new Uint32Array(BLOCK),
    status: new Uint16Array(BLOCK),
    bytes: keepsBytes ? new Uint32Array(BLOCK) : null,
    durationMs: null,
    user: null,
    apiKey: null,
  };
}

/** Frees the columns of a block at once: they would stay until the whole heap is collected, which may be at the end. */
function letGo(block: Block): void {
  for (const column of Object.values(block)) {
    // The buffer that this makes is as new as any other object of these milliseconds, and goes with them.
    if (ArrayBuffer.isView(column)) {
      structuredClone(column.buffer, { transfer: [column.buffer as ArrayBuffer] });
    }
  }
}

function setTime(block: Block, index: number, at: number): void {
  const { base } = block;
  if (at - base !== (at - base) >>> 0) {
    block.at = Float64Array.from(block.at, (offset) => base + offset);
    block.base = 0;
  }
  block.at[index] = at - block.base;
}

/** The requests of a log. */
export class Entries {
  length = 0;
  withoutAddress = 0;
  wholeSeconds = true;
  readonly #blocks: Block[] = [];
  readonly #targets = new Targets();
  readonly #addresses = new Addresses();
  readonly #agents = new Texts();
  readonly #users = new Texts();
  readonly #apiKeys = new Texts();
  #isSorted = true;
  #last = -Infinity;
  #order: Uint32Array | null = null;

  readonly #keepsBytes: boolean;

  /** @param keepsBytes Are the sizes of responses kept? No rule can ask for them. */
  constructor(keepsBytes: boolean) {
    this.#keepsBytes = keepsBytes;
  }

  add(entry: Entry): void {
    const index = this.length % BLOCK;
    if (index === 0) this.#blocks.push(newBlock(entry.at, this.#keepsBytes));
    const block = this.#blocks[this.#blocks.length - 1];
    this.length++;
    const { at } = entry;
    if (at < this.#last) this.#isSorted = false;
    this.#last = at;
    if (at % 1000 !== 0) this.wholeSeconds = false;
    const address = this.#addresses.numberOf(entry.address);
    if (address === 0) this.withoutAddress++;
    setTime(block, index, at);
    block.target[index] = entry.target === null
      ? this.#targets.numberOf(entry.method, entry.url)
      : this.#numberOf(entry.target);
    block.address[index] = address;
    block.agent[index] = this.#agents.numberOf(entry.userAgent);
    block.status[index] = entry.status;
    if (block.bytes !== null) {
      block.bytes[index] = entry.bytes >= 0 && entry.bytes < NO_SIZE ? entry.bytes : NO_SIZE;
    }
    if (entry.durationMs >= 0) {
      block.durationMs ??= new Float32Array(BLOCK).fill(-1);
      block.durationMs[index] = entry.durationMs;
    }
    if (entry.user !== null) {
      block.user ??= new Uint32Array(BLOCK);
      block.user[index] = this.#users.numberOf(entry.user);
    }
    if (entry.apiKey !== null) {
      block.apiKey ??= new Uint32Array(BLOCK);
      block.apiKey[index] = this.#apiKeys.numberOf(entry.apiKey);
    }
  }

  #numberOf(target: KnownTarget): number {
    if (target.number === -1) target.number = this.#targets.numberOf(target.method, target.url);
    return target.number;
  }

  /** After the last one: puts the requests in the order of their times; those of one time stay as they were. */
  finish(): void {
    for (const texts of [this.#targets, this.#addresses, this.#agents, this.#users, this.#apiKeys]) {
      texts.close();
    }
    if (!this.#isSorted) this.#order = orderOf(this.length, (position) => this.#timeAt(position));
  }

  /** The time of a request, by its position in the order of times. */
  at(index: number): number {
    return this.#timeAt(this.#order === null ? index : this.#order[index]);
  }

  #timeAt(position: number): number {
    const { at, base } = this.#blocks[Math.floor(position / BLOCK)];
    return base + at[position % BLOCK];
  }

  /** A request, by its position in the order of times. */
  get(index: number): LoggedRequest {
    const position = this.#order === null ? index : this.#order[index];
    return this.#get(this.#blocks[Math.floor(position / BLOCK)], position % BLOCK);
  }

  /**
   * Calls a function with each request, in the order of times. Where that is the order of the lines, blocks are let go of on the
   * way, as a replay needs room for the keys of its rules: this can be done once.
   */
  async visit(visit: Visit): Promise<void> {
    for (let i = 0; i < this.length; i++) {
      if (this.#order === null && i % BLOCK === 0 && i > 0) letGo(this.#blocks[i / BLOCK - 1]);
      const position = this.#order === null ? i : this.#order[i];
      const block = this.#blocks[Math.floor(position / BLOCK)];
      const index = position % BLOCK;
      const visited = visit(this.#get(block, index), block.address[index], block.target[index]);
      if (isPromise(visited)) await visited;
    }
  }

  #get(block: Block, i: number): LoggedRequest {
    const target = block.target[i];
    const request: LoggedRequest = {
      at: block.base + block.at[i],
      method: this.#targets.methods[target],
      url: this.#targets.urls[target],
      address: this.#addresses.values[block.address[i]],
    };
    const status = block.status[i];
    if (status !== 0) request.status = status;
    const bytes = block.bytes?.[i] ?? NO_SIZE;
    if (bytes !== NO_SIZE) request.bytes = bytes;
    // To the microsecond, as logs have it.
    const durationMs = block.durationMs?.[i] ?? -1;
    if (durationMs >= 0) request.durationMs = Math.round(durationMs * 1000) / 1000;
    const agent = this.#agents.values[block.agent[i]];
    if (agent !== null) request.userAgent = agent;
    const id = this.#users.values[block.user?.[i] ?? 0];
    // A name whose password was refused identifies nobody.
    if (id !== null && status !== 401) request.identity = { id };
    const apiKey = this.#apiKeys.values[block.apiKey?.[i] ?? 0];
    if (apiKey !== null) request.headers = { "x-api-key": apiKey };
    return request;
  }
}
