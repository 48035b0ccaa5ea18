/**
 * What every store around another store does alike.
 *
 * @module
 */

import type { Store } from "./store.ts";

/**
 * A store around another.
 *
 * @param store The store within.
 * @param own What is done here. All else is passed on; `forget` is there only if the store within has it.
 */
export function around(store: Store, own: Pick<Store, "decide"> & Partial<Store>): Store {
  const { forget = (key: string) => store.forget?.(key), ...rest } = own;
  return {
    shared: store.shared,
    deadlineMs: store.deadlineMs,
    denyCache: store.denyCache,
    clock: store.clock,
    prepare: (rules) => store.prepare?.(rules),
    observe: (listener) => store.observe?.(listener),
    ...rest,
    ...(store.forget === undefined ? {} : { forget }),
  };
}
