/**
 * A store that fails on demand.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Store } from "../stores/store.ts";

/** A way to fail: by a rejection, by throwing at once, by never answering, or with what is no answer. */
export type Fault = "reject" | "throw" | "hang" | "malformed";

/** A {@link Store} with a switch. */
export interface FaultyStore extends Store {
  /** The way in which it fails from now on; null: it works. */
  fault: Fault | null;
  /** The number of calls of decide and forget, failed ones included. */
  calls: number;
}

const FAULTS: Readonly<Record<Fault, () => MaybePromise<unknown>>> = {
  reject: () => Promise.reject(new Error("The store fails on demand")),
  throw: () => {
    throw new Error("The store fails on demand");
  },
  hang: () => new Promise(() => {}),
  malformed: () => Promise.resolve(null),
};

/**
 * Puts a switch on a store, to see the answers of one's own handlers during an outage. A failing call never reaches the store.
 *
 * @param store Any store. The result counts as shared, so that a throttle puts its deadline, its circuit breaker and the
 * rules' `onStoreFailure` around it.
 * @returns The store with its switch, which is off.
 * @throws {TypeError} If it is no store.
 *
 * @example What a client gets while Redis is down
 * ```ts
 * import { memoryStore, withThrottle } from "@weir/throttle";
 * import { faultyStore } from "@weir/throttle/testing";
 * import { equal } from "node:assert/strict";
 *
 * const store = faultyStore(memoryStore());
 * const handler = withThrottle(() => new Response("hello"), "100/min", {
 *   store,
 *   onStoreFailure: "deny",
 *   client: { address: () => "192.0.2.1" },
 * });
 * equal((await handler(new Request("https://example.com/"))).status, 200);
 * store.fault = "reject";
 * equal((await handler(new Request("https://example.com/"))).status, 503);
 * ```
 */
export function faultyStore(store: Store): FaultyStore {
  if (typeof store?.decide !== "function") {
    throw new TypeError(
      cannot("make faultyStore()", "it needs the store that is to fail, such as memoryStore()", store),
    );
  }
  function call<T>(run: () => MaybePromise<T>): MaybePromise<T> {
    faulty.calls++;
    return faulty.fault === null ? run() : FAULTS[faulty.fault]() as MaybePromise<T>;
  }
  const faulty: FaultyStore = {
    fault: null,
    calls: 0,
    shared: true,
    deadlineMs: store.deadlineMs,
    denyCache: store.denyCache,
    clock: store.clock,
    decide: (checks, spend) => call(() => store.decide(checks, spend)),
    forget: (key) => call(() => store.forget?.(key)),
    prepare: (rules) => store.prepare?.(rules),
    observe: (listener) => store.observe?.(listener),
  };
  return faulty;
}
