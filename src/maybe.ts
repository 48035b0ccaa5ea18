/**
 * A value or the promise of one. Keys, stores, rates and handlers may return either; this is the only file
 * that asks which it is, so what is synchronous never waits for a microtask.
 *
 * @module
 */

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  // Not `instanceof`: promises of another realm (edge-runtime, vm contexts) and thenables count too.
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** `next(value)`, now if the value is here, else when it arrives. */
export function then<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** The values themselves when all are here, else one promise of them, in order. */
export function all<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  for (const value of values) if (isPromise(value)) return Promise.all(values);
  return values as readonly T[];
}

/** `run()`, with what it throws, or what its promise rejects with, handed to `recover`. */
export function rescue<T>(
  run: () => MaybePromise<T>,
  recover: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const value = run();
    return isPromise(value) ? value.then(undefined, recover) : value;
  } catch (error) {
    return recover(error);
  }
}
