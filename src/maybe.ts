/**
 * A value or the promise of one. Keys, stores, rates and handlers may return either; this is the only file
 * that asks which it is, so what is synchronous never waits for a microtask.
 *
 * The functions take an argument to hand on, so that the path of a request can be named functions in a row
 * rather than closures made anew for each request.
 *
 * @module
 */

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Is it only a promise so far? */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  // Not `instanceof`: promises of another realm (edge-runtime, vm contexts) and thenables count too.
  // Lists first: what is asked of few kinds of objects an engine finds at once.
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    typeof (value as { then?: unknown }).then === "function";
}

// Closures are made in functions of their own: one that may make a closure pays for its variables at every call.

/**
 * `next(value, arg)` when the value arrives. The path of a request writes it out, `isPromise(value) ? later(value, next, arg)
 * : next(value, arg)`: engines optimize each of its steps for what comes there, and {@link then} for what comes anywhere.
 */
export function later<T, R, A>(
  value: Promise<T>,
  next: (value: T, arg: A) => MaybePromise<R>,
  arg: A,
): Promise<R> {
  return Promise.resolve(value).then((arrived) => next(arrived, arg));
}

/** The promise, with what it rejects with handed to `recover`. */
export function rescued<T, A>(
  value: Promise<T>,
  recover: (error: unknown, arg: A) => MaybePromise<T>,
  arg?: A,
): Promise<T> {
  return Promise.resolve(value).then(undefined, (error) => recover(error, arg as A));
}

/** `next(value, arg)`, now if the value is here, else when it arrives. */
export function then<T, R, A = undefined>(
  value: MaybePromise<T>,
  next: (value: T, arg: A) => MaybePromise<R>,
  arg?: A,
): MaybePromise<R> {
  return isPromise(value) ? later(value, next, arg as A) : next(value, arg as A);
}

/** The values themselves when all are here, else one promise of them, in order. */
export function all<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  for (const value of values) if (isPromise(value)) return Promise.all(values);
  return values as readonly T[];
}

/**
 * The results of `run`, one for each item, in order. When it throws, that error is the only one thrown: later
 * rejections of the others must not end the process.
 */
export function gather<T, R, A>(
  items: readonly T[],
  run: (item: T, arg: A) => MaybePromise<R>,
  arg: A,
): readonly MaybePromise<R>[] {
  const values = new Array<MaybePromise<R>>(items.length);
  try {
    for (let i = 0; i < items.length; i++) values[i] = run(items[i], arg);
  } catch (error) {
    values.forEach(isIgnored);
    throw error;
  }
  return values;
}

/** {@link all} of {@link gather}: the results of `run` for each item, now when all are here. */
export function each<T, R, A>(
  items: readonly T[],
  run: (item: T, arg: A) => MaybePromise<R>,
  arg: A,
): MaybePromise<readonly R[]> {
  return all(gather(items, run, arg));
}

/** Is it a promise? Then nobody waits for it any more, and its rejection must not end the process. */
export function isIgnored(value: unknown): boolean {
  const isLate = isPromise(value);
  if (isLate) rescued<unknown, unknown>(value, () => {});
  return isLate;
}

/** `run` for each index from 0 on, one after the other: many clients of databases run one command at a time. */
export function inOrder(
  count: number,
  run: (index: number) => MaybePromise<unknown>,
  from = 0,
): MaybePromise<void> {
  for (let i = from; i < count; i++) {
    const done = run(i);
    if (isPromise(done)) return done.then(() => inOrder(count, run, i + 1));
  }
}

/** `act(value)` where the value is only a promise so far. */
export function whenPromise<T>(value: MaybePromise<T>, act: (promise: Promise<T>) => void): void {
  if (isPromise(value)) act(value);
}

/** `run(arg)`, with what it throws, or what its promise rejects with, handed to `recover`. */
export function rescue<T, A = undefined>(
  run: (arg: A) => MaybePromise<T>,
  recover: (error: unknown, arg: A) => MaybePromise<T>,
  arg?: A,
): MaybePromise<T> {
  try {
    const value = run(arg as A);
    return isPromise(value) ? rescued(value, recover, arg as A) : value;
  } catch (error) {
    return recover(error, arg as A);
  }
}

/**
 * The value, now if it is here; else the promise of it, which rejects when it takes too long. A later result
 * is ignored, errors included.
 *
 * @param value The value to wait for.
 * @param ms How long, in ms.
 * @param late Makes the error.
 */
export function within<T>(value: MaybePromise<T>, ms: number, late: () => Error): MaybePromise<T> {
  if (!isPromise(value)) return value;
  return new Promise((resolve, reject) => {
    // A process that was busy sees its timers before its sockets, so the answer may be here already: one more turn lets it in.
    const timer = setTimeout(() => setTimeout(() => reject(late())), ms);
    value.then((arrived) => {
      clearTimeout(timer);
      resolve(arrived);
    }, (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
