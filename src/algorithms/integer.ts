/**
 * Exact integer division on numbers, in both languages. `Math.ceil(a / b)` is not exact: the quotient is
 * rounded to 53 bits first, which loses the remainder of large numerators.
 *
 * @module
 */

/** The greatest state number; sums stop here rather than lose their last digit. */
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

/** The same names for the Lua twins. `math.fmod` is exact where Lua's own `%` goes by way of the rounded quotient. */
export const integerLua = `
local MAX = 9007199254740991
local function floor_div(a, b) return (a - math.fmod(a, b)) / b end
local function ceil_div(a, b)
  local rest = math.fmod(a, b)
  return (a - rest) / b + (rest > 0 and 1 or 0)
end
`;
