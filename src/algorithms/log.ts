/**
 * The step that sliding log, sliding window and concurrency share: a list of charges, each of which leaves
 * one window after its time. They differ in what time a charge is entered under.
 *
 * @module
 */

import type { Policy, Step } from "./algorithm.ts";
import { MAX } from "./integer.ts";

/** Time and units of each charge, oldest first: `[time, units, time, units, ...]`, times ascending. */
export type Log = readonly number[];

function unitsOf(log: Log): number {
  let units = 0;
  for (let i = 1; i < log.length; i += 2) units += log[i];
  return units;
}

/** The log, `used` units in all, after a correction of the charge entered under `since`; the same log when nothing changes. */
function corrected(log: Log, used: number, since: number, cost: number): Log {
  let place = 0;
  while (place < log.length && log[place] < since) place += 2;
  const found = place < log.length && log[place] === since;
  const was = found ? log[place + 1] : 0;
  const units = Math.min(MAX - (used - was), Math.max(0, was + cost));
  if (units === was) return log;
  const entry = units > 0 ? [since, units] : [];
  return [...log.slice(0, place), ...entry, ...log.slice(found ? place + 2 : place)];
}

/**
 * One step over a log.
 *
 * @param stamp The time a charge is entered under: now, or the end of now's slot.
 */
export function logStep(
  state: Log | null,
  { limit, windowMs }: Policy,
  now: number,
  cost: number,
  since: number | null,
  stamp: number,
): Step<Log> {
  let left = 0;
  const stored = state ?? [];
  while (left < stored.length && stored[left] + windowMs <= now) left += 2;
  let log = left === 0 ? stored : stored.slice(left);
  let used = unitsOf(log);

  // Entries stay in order when the clock has stepped back.
  const at = log.length > 0 ? Math.max(stamp, log[log.length - 2]) : stamp;
  let kept = state;
  let allowed = true;
  let retryAfterMs = 0;
  if (since !== null) {
    if (since + windowMs > now) {
      const after = corrected(log, used, since, cost);
      if (after !== log) {
        used = unitsOf(after);
        kept = log = after;
      }
    }
  } else if (used + cost > limit) {
    allowed = false;
    retryAfterMs = Infinity;
    let needed = used + cost - limit;
    for (let i = 0; i < log.length; i += 2) {
      needed -= log[i + 1];
      if (needed <= 0) {
        retryAfterMs = log[i] + windowMs - now;
        break;
      }
    }
  } else if (cost > 0) {
    const last = log.length - 2;
    kept = log = last >= 0 && log[last] === at
      ? [...log.slice(0, last), at, log[last + 1] + cost]
      : [...log, at, cost];
    used += cost;
  }
  const resetAfterMs = log.length > 0 ? log[log.length - 2] + windowMs - now : 0;
  return {
    allowed,
    remaining: Math.max(0, limit - used),
    resetAfterMs,
    retryAfterMs,
    state: kept,
    ttlMs: resetAfterMs,
    at,
  };
}

/** The twin, as a statement that defines `log_step(state, limit, window, now, cost, since, stamp)`. */
export const logLua: string = `
local function log_step(state, limit, window, now, cost, since, stamp)
  local log, used = {}, 0
  local stored = state or {}
  for i = 1, #stored, 2 do
    if stored[i] + window > now then
      log[#log + 1] = stored[i]
      log[#log + 1] = stored[i + 1]
      used = used + stored[i + 1]
    end
  end
  local at = stamp
  if #log > 0 then at = math.max(stamp, log[#log - 1]) end
  local kept, allowed, retry = state, true, 0
  if since then
    if since + window > now then
      local place = 1
      while place < #log and log[place] < since do place = place + 2 end
      local found = log[place] == since
      local was = found and log[place + 1] or 0
      local units = math.min(${MAX} - (used - was), math.max(0, was + cost))
      if units ~= was then
        if units == 0 then
          table.remove(log, place)
          table.remove(log, place)
        elseif found then
          log[place + 1] = units
        else
          table.insert(log, place, units)
          table.insert(log, place, since)
        end
        used = used - was + units
        kept = log
      end
    end
  elseif used + cost > limit then
    allowed, retry = false, math.huge
    local needed = used + cost - limit
    for i = 1, #log, 2 do
      needed = needed - log[i + 1]
      if needed <= 0 then
        retry = log[i] + window - now
        break
      end
    end
  elseif cost > 0 then
    if log[#log - 1] == at then
      log[#log] = log[#log] + cost
    else
      log[#log + 1] = at
      log[#log + 1] = cost
    end
    used = used + cost
    kept = log
  end
  local reset = #log > 0 and log[#log - 1] + window - now or 0
  return allowed, math.max(0, limit - used), reset, retry, kept, reset, at
end
`;
