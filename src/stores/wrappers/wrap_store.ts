/**
 * What every store around another store does alike.
 *
 * @module
 */

import type { Store, WrappedStore } from "../store.ts";

/**
 * A store around another.
 *
 * @param store The store within.
 * @param own What is done here. All else is passed on; `forget` is there only if the store within has it.
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
