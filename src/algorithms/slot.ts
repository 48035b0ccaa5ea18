/**
 * Slots: parts of a window whose charges share one time.
 *
 * @module
 */

import { ceilDiv, floorDiv } from "./integer.ts";

/** The last ms of the slot that contains `now`, with that many slots per window. A slot has at least one ms. */
export function slotEnd(now: number, windowMs: number, slots: number): number {
  const n = Math.min(slots, windowMs);
  return ceilDiv((floorDiv(now * n, windowMs) + 1) * windowMs, n) - 1;
}

/** The twin, as a statement that defines `slot_end(now, window, slots)`. `fmod` is exact, while Lua's own % uses the rounded quotient. */
export const slotLua = `
local function slot_end(now, window, slots)
  local n = math.min(slots, window)
  local ends = ((now * n - math.fmod(now * n, window)) / window + 1) * window
  local rest = math.fmod(ends, n)
  return (ends - rest) / n + (rest > 0 and 0 or -1)
end
`;
