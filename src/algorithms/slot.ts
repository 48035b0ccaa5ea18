/**
 * Slots: the parts of a window whose charges are entered under one time.
 *
 * @module
 */

import { ceilDiv, floorDiv } from "./integer.ts";

/** The last ms of the slot that holds `now`, of so many a window. A slot is never shorter than a ms. */
export function slotEnd(now: number, windowMs: number, slots: number): number {
  const n = Math.min(slots, windowMs);
  return ceilDiv((floorDiv(now * n, windowMs) + 1) * windowMs, n) - 1;
}

/** The twin, as a statement that defines `slot_end(now, window, slots)`. */
export const slotLua = `
local function slot_end(now, window, slots)
  local n = math.min(slots, window)
  return ceil_div((floor_div(now * n, window) + 1) * window, n) - 1
end
`;
