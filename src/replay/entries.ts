/**
 * Requests in little room, put in the order of their times.
 *
 * @module
 */

import { isPromise } from "../maybe.ts";
import { Addresses } from "./addresses.ts";
import type { Visit } from "./each_request.ts";
import type { Entry } from "./formats/format.ts";
import type { LoggedRequest } from "./logged_request.ts";
import { orderOf } from "./order.ts";
import { PackedRows } from "./packed_rows.ts";
import { Targets, Texts } from "./texts.ts";

/** Requests in a block. */
const BLOCK = 1 << 16;

/** The largest number that is no size: a size of 4 GB or more counts as unknown. */
const NO_SIZE = 0xffff_ffff;

/** The columns of a block, in their order. */
const AT = 0, TARGET = 1, ADDRESS = 2, AGENT = 3, STATUS = 4, BYTES = 5, DURATION = 6, USER = 7, API_KEY = 8;

/** The requests that come to the next block. An object for each of ten million lines would take some gigabytes. */
function newColumns(length: number) {
  return {
    at: new Float64Array(length),
    target: new Uint32Array(length),
    address: new Uint32Array(length),
    agent: new Uint32Array(length),
    status: new Uint32Array(length),
    bytes: new Uint32Array(length),
    /** In microseconds, as logs have it; -1 where none is known. */
    duration: new Float64Array(length),
    user: new Uint32Array(length),
    apiKey: new Uint32Array(length),
  };
}

/** The requests of a log. */
export class Entries {
  length = 0;
  withoutAddress = 0;
  wholeSeconds = true;
  readonly targets: Targets = new Targets();
  readonly #blocks: PackedRows[] = [];
  #columns = newColumns(BLOCK);
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
    const { at, bytes, durationMs } = entry;
    const index = this.length++ % BLOCK;
    if (at < this.#last) this.#isSorted = false;
    this.#last = at;
    if (at % 1000 !== 0) this.wholeSeconds = false;
    const address = this.#addresses.numberOf(entry.address);
    if (address === 0) this.withoutAddress++;
    const columns = this.#columns;
    columns.at[index] = at;
    columns.target[index] = entry.target === -1
      ? this.targets.numberOf(entry.method, entry.url)
      : entry.target;
    columns.address[index] = address;
    columns.agent[index] = this.#agents.numberOf(entry.userAgent);
    columns.status[index] = entry.status;
    columns.bytes[index] = this.#keepsBytes && bytes >= 0 && bytes < NO_SIZE ? bytes : NO_SIZE;
    columns.duration[index] = durationMs >= 0 ? Math.round(durationMs * 1000) : -1;
    columns.user[index] = this.#users.numberOf(entry.user);
    columns.apiKey[index] = this.#apiKeys.numberOf(entry.apiKey);
    if (index === BLOCK - 1) this.#pack(BLOCK);
  }

  #pack(length: number): void {
    const columns = Object.values(this.#columns).map((column) => column.subarray(0, length));
    this.#blocks.push(new PackedRows(columns));
  }

  /** After the last one: puts the requests in the order of their times; those of one time stay as they were. */
  finish(): void {
    if (this.length % BLOCK > 0) this.#pack(this.length % BLOCK);
    this.#columns = newColumns(0);
    for (const texts of [this.targets, this.#addresses, this.#agents, this.#users, this.#apiKeys]) {
      texts.close();
    }
    if (!this.#isSorted) this.#order = orderOf(this.length, (position) => this.#timeAt(position));
  }

  /** The time of a request, by its position in the order of times. */
  at(index: number): number {
    return this.#timeAt(this.#order === null ? index : this.#order[index]);
  }

  #timeAt(position: number): number {
    return this.#blocks[Math.floor(position / BLOCK)].get(position % BLOCK, AT);
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
      if (this.#order === null && i % BLOCK === 0 && i > 0) this.#blocks[i / BLOCK - 1].letGo();
      const position = this.#order === null ? i : this.#order[i];
      const block = this.#blocks[Math.floor(position / BLOCK)];
      const index = position % BLOCK;
      const visited = visit(
        this.#get(block, index),
        block.get(index, ADDRESS),
        block.get(index, TARGET),
      );
      if (isPromise(visited)) await visited;
    }
  }

  #get(block: PackedRows, row: number): LoggedRequest {
    const target = block.get(row, TARGET);
    const request: LoggedRequest = {
      at: block.get(row, AT),
      method: this.targets.methods[target],
      url: this.targets.urls[target],
      address: this.#addresses.values[block.get(row, ADDRESS)],
    };
    const status = block.get(row, STATUS);
    if (status !== 0) request.status = status;
    const bytes = block.get(row, BYTES);
    if (bytes !== NO_SIZE) request.bytes = bytes;
    const duration = block.get(row, DURATION);
    if (duration >= 0) request.durationMs = duration / 1000;
    const agent = this.#agents.values[block.get(row, AGENT)];
    if (agent !== null) request.userAgent = agent;
    const id = this.#users.values[block.get(row, USER)];
    // A name whose password was refused identifies nobody.
    if (id !== null && status !== 401) request.identity = { id };
    const apiKey = this.#apiKeys.values[block.get(row, API_KEY)];
    if (apiKey !== null) request.headers = { "x-api-key": apiKey };
    return request;
  }
}
