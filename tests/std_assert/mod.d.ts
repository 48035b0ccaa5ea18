// deno-lint-ignore-file no-explicit-any -- a class is "anything that can be built", as in the real one

/** The error that every assertion throws. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions);
}

/** Anything with a length and indices that is not a string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Are the two deeply equal? */
export function equal(a: unknown, b: unknown): boolean;

/** The expression is truthy. */
export function assert(expr: unknown, msg?: string): asserts expr;

/** The expression is falsy. */
export function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is false | 0 | "" | null | undefined;

/** Fails always. */
export function fail(msg?: string): never;

/** Deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void;

/** Not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;

/** The same value, by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T;

/** Neither null nor undefined. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T>;

/** actual > expected. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void;

/** actual >= expected. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;

/** actual < expected. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void;

/** actual <= expected. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;

/** Numbers no further apart than the tolerance; by default 1e-7 of what is expected. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void;

/** The text matches the expression. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void;

/** The text contains the other. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void;

/** Every value of `expected` is deeply equal to some value of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void;

/** Made by that class or one that extends it. */
export function assertInstanceOf<
  T extends abstract new (...args: any[]) => any,
>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T>;

/** `actual` holds all that `expected` holds, deeply; more is fine. */
export function assertObjectMatch(
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void;

/** An Error, of that class, whose message contains or matches that. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: abstract new (...args: any[]) => E,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E;

/** The function throws; answers what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;

/** The promise that the function returns rejects; answers the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
