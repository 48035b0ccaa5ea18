/**
 * A store that wraps another and delegates all that it does not override.
 *
 * @module
 */

import type { Store, WrappedStore } from "../store.ts";

/**
 * Wraps a store.
 *
 * @param store The store within.
 * @param own The members of the wrapper. All others are those of the store within; `forget` is there only if that has it.
 */
export function wrapStore(
  store: Store,
  own: Pick<WrappedStore, "decide"> & Partial<WrappedStore>,
): WrappedStore {
  const { forget = (key: string) => store.forget?.(key), ...rest } = own;
  return {
    shared: store.shared,
    name: store.name,
    deadlineMs: store.deadlineMs,
    denyCache: store.denyCache,
    clock: store.clock,
    prepare: (rules) => store.prepare?.(rules),
    observe: (listener) => store.observe?.(listener),
    background: () => (store as WrappedStore).background?.() ?? null,
    ...rest,
    ...(store.forget === undefined ? {} : { forget }),
  };
}
