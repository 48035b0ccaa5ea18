/**
 * The Durable Object that keeps the states of one partition key.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { ChargedDecision } from "../../decision.ts";
import { ruleOf } from "../rule_error.ts";
import type { Store } from "../store.ts";
import { transactionStore } from "../transaction_store.ts";
import { answerOf, checkReader, type ObjectAnswer, type ObjectQuestion } from "./wire.ts";

/** The storage of a Durable Object, as far as it is used. */
export interface ObjectStorage {
  /** All that is stored. */
  list(): Promise<Map<string, unknown>>;
  /** Stores a value. The answer to a request is held back until it is stored. */
  put(key: string, value: unknown): Promise<unknown>;
  /** Removes a value. */
  delete(key: string): Promise<unknown>;
  /** Removes all values. */
  deleteAll(): Promise<unknown>;
  /** The time of the alarm, epoch ms; null where there is none. */
  getAlarm(): Promise<number | null>;
  /** Sets the alarm, and replaces any other. */
  setAlarm(time: number): Promise<unknown>;
}

/** The state that Cloudflare gives to a Durable Object, as far as it is used. */
export interface ObjectState {
  /** The storage. */
  readonly storage: ObjectStorage;
  /** Lets no request in until the promise is settled. */
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>;
}

/** A row, as it is stored. */
interface Row {
  readonly text: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/**
 * The class to bind in a Worker for `durableObjectStore()`: export it from the Worker's module, and name it in wrangler's
 * settings, as a class that is new with SQLite: `[[migrations]] tag = "v1" new_sqlite_classes = ["ThrottleObject"]`.
 *
 * There is one object per partition key (an address, a user), and it decides all rules of that key together. An alarm removes all
 * that it has stored when the last window is over.
 *
 * An algorithm of your own needs a class of your own, which has it; that class is the `object` of the store:
 *
 * @example A Worker's module with an algorithm of its own
 * ```ts
 * import type { Algorithm } from "@weir/throttle";
 * import { ThrottleObject } from "@weir/throttle/durable-object";
 * import { equal } from "node:assert/strict";
 *
 * const never: Algorithm = {
 *   name: "never",
 *   step: (state) => ({ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: Infinity, state, ttlMs: 0 }),
 * };
 * export class Limits extends ThrottleObject {
 *   static override readonly algorithms = [never];
 * }
 * equal(Limits.algorithms.length, 1);
 * ```
 */
export class ThrottleObject {
  /** Your own algorithms, beside those of this package. Their `form` (or `name`) and `params` tell them apart. */
  static readonly algorithms: readonly Algorithm[] = [];

  readonly #storage: ObjectStorage;
  /** All rows: an object keeps no more than the rules of one key. */
  readonly #rows = new Map<string, Row>();
  readonly #store: Store;
  readonly #read: ReturnType<typeof checkReader>;
  readonly #clock: () => number = Date.now;
  #alarmAt: number | null = null;

  /**
   * Cloudflare makes the object, at the first request for its key.
   *
   * @param state The object's state.
   * @param _env The Worker's bindings, of which none is used.
   */
  constructor(state: ObjectState, _env?: unknown) {
    this.#storage = state.storage;
    this.#read = checkReader((this.constructor as typeof ThrottleObject).algorithms);
    this.#store = transactionStore({
      name: "ThrottleObject",
      clock: this.#clock,
      // Nothing else runs in an object until this has returned, and all that it stores is stored together.
      transact: (run) =>
        run({
          load: (key) => this.#rows.get(key)?.text,
          save: (key, text, expiresAt) => this.#save(key, { text, expiresAt }),
          remove: (key) => this.#remove(key),
        }),
    });
    void state.blockConcurrencyWhile(() => this.#begin());
  }

  /** Answers a question of `durableObjectStore()`. */
  async fetch(request: Request): Promise<Response> {
    const question = await request.json() as ObjectQuestion;
    return Response.json(await this.#answer(question));
  }

  /** Removes what is over. Cloudflare calls it at the time of the alarm. */
  async alarm(): Promise<void> {
    const now = this.#clock();
    let last = 0;
    for (const [key, { expiresAt }] of this.#rows) {
      if (expiresAt <= now) this.#remove(key);
      else last = Math.max(last, expiresAt);
    }
    this.#alarmAt = last === 0 ? null : last;
    await (last === 0 ? this.#storage.deleteAll() : this.#storage.setAlarm(last));
  }

  async #begin(): Promise<void> {
    const [rows, alarmAt] = await Promise.all([this.#storage.list(), this.#storage.getAlarm()]);
    for (const [key, row] of rows) this.#rows.set(key, row as Row);
    this.#alarmAt = alarmAt;
  }

  async #answer(question: ObjectQuestion): Promise<ObjectAnswer> {
    if ("forget" in question) {
      await this.#store.forget?.(question.forget);
      return { decisions: [] };
    }
    try {
      const decisions = await this.#store.decide(this.#read(question.checks), question.spend);
      return answerOf(decisions as readonly ChargedDecision[]);
    } catch (error) {
      const rule = ruleOf(error);
      if (rule === null) throw error;
      // The asker makes a RuleError of it again, which begins so.
      return { rule, message: (error as Error).message.replace(`The step of rule "${rule}" failed: `, "") };
    }
  }

  // No write is waited for: no answer leaves the object before it is stored, and an object whose storage fails is made anew.

  #save(key: string, row: Row): void {
    this.#rows.set(key, row);
    void this.#storage.put(key, row);
    if (this.#alarmAt !== null) return;
    this.#alarmAt = row.expiresAt;
    void this.#storage.setAlarm(row.expiresAt);
  }

  #remove(key: string): void {
    this.#rows.delete(key);
    void this.#storage.delete(key);
  }
}
