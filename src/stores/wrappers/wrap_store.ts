/**
 * What every store around another store does alike.
 *
 * @module
 */

import type { DatedStore, Store } from "../store.ts";

/**
 * A store around another.
 *
 * @param store The store within.
 * @param own What is done here. All else is passed on; `forget` is there only if the store within has it.
 */
export function wrapStore(store: Store, own: Pick<DatedStore, "decide"> & Partial<DatedStore>): DatedStore {
  const { forget = (key: string) => store.forget?.(key), ...rest } = own;
  return {
    shared: store.shared,
    name: store.name,
    deadlineMs: store.deadlineMs,
    denyCache: store.denyCache,
    clock: store.clock,
    prepare: (rules) => store.prepare?.(rules),
    observe: (listener) => store.observe?.(listener),
    background: () => (store as DatedStore).background?.() ?? null,
    ...rest,
    ...(store.forget === undefined ? {} : { forget }),
  };
}
