/**
 * Exact integer division. `Math.ceil(a / b)` is not exact: the quotient is first rounded
 * to 53 bits, which loses the remainder of large numerators.
 *
 * @module
 */

/** The greatest number in a state; sums stop here rather than lose their last digit. */
export const MAX: number = Number.MAX_SAFE_INTEGER;

/** a / b rounded down, for integers a >= 0 and b >= 1. */
export function floorDiv(a: number, b: number): number {
  return (a - (a % b)) / b;
}

/** a / b rounded up, for integers a >= 0 and b >= 1. */
export function ceilDiv(a: number, b: number): number {
  const rest = a % b;
  return (a - rest) / b + (rest > 0 ? 1 : 0);
}
