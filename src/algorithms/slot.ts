/**
 * Slots: parts of a window whose charges share one time.
 *
 * @module
 */

import { ceilDiv, floorDiv } from "./integer.ts";

/** The last ms of the slot that contains `now`, with that many slots per window; `now` itself where a ms has several. */
export function slotEnd(now: number, windowMs: number, slots: number): number {
  return ceilDiv((floorDiv(now * slots, windowMs) + 1) * windowMs, slots) - 1;
}

/**
 * The twin, as a statement that defines `slot_end(now, window, slots)`. `fmod` is exact, while Lua's own % uses the
 * rounded quotient.
 */
export const slotLua = `
local function slot_end(now, window, slots)
  local ends = ((now * slots - math.fmod(now * slots, window)) / window + 1) * window
  local rest = math.fmod(ends, slots)
  return (ends - rest) / slots + (rest > 0 and 0 or -1)
end
`;
