/**
 * The Lua twin of the step over a log. On Redis a log is stored in pages, so that no step reads or writes
 * more than a few of them.
 *
 * @module
 */

import { MAX } from "./integer.ts";
import { slotLua } from "./slot.ts";

/**
 * Statements that define `log_step(state, limit, window, now, cost, since, stamp, target)`. With a
 * target, a correction moves the charge to that time.
 *
 * An entry has 18 digits of base 64, `0` to `o`: nine for its time and nine for its units. The newest entries
 * are the state's `text`. The state's integers are their units and then, for each earlier full page, the time
 * of its last entry, its number of entries, and their units. `state.page(last)` returns the text of a full
 * page by its last time, and `state.pages` has the pages that a step has changed: their texts, or false for a
 * deleted one.
 */
const logLua = (): string =>
  `${slotLua}
-- Entries per page, and characters per entry.
local PAGE, WIDE = 128, 18

local function number_at(text, index)
  local a, b, c, d, e, f, g, h, i = string.byte(text, index, index + 8)
  -- Four digits and five, since the sum of nine digits with the codes' offsets exceeds exact numbers.
  return (((a * 64 + b) * 64 + c) * 64 + d - 12782640) * 1073741824
    + ((((e * 64 + f) * 64 + g) * 64 + h) * 64 + i - 818089008)
end

local function digits(number)
  local codes = {}
  for i = 9, 1, -1 do
    local rest = math.floor(number / 64)
    codes[i] = 48 + (number - rest * 64)
    number = rest
  end
  return string.char(unpack(codes))
end

-- Is this text a list of entries?
local function is_entries(text) return #text % WIDE == 0 and not string.find(text, '[^0-o]') end

local function entry(time, units) return digits(time) .. digits(units) end
local function time_at(text, n) return number_at(text, WIDE * n - WIDE + 1) end
local function units_at(text, n) return number_at(text, WIDE * n - WIDE + 10) end
local function last_time(text) return number_at(text, #text - WIDE + 1) end

-- The number of entries of a text up to a time.
local function count_to(text, time)
  local low, high = 0, #text / WIDE
  while low < high do
    local middle = math.floor((low + high) / 2) + 1
    if time_at(text, middle) <= time then low = middle else high = middle - 1 end
  end
  return low
end

-- The units of a text's first n entries.
local function units_to(text, n)
  local units = 0
  for i = 1, n do units = units + units_at(text, i) end
  return units
end

local function first_of(text, n) return string.sub(text, 1, WIDE * n) end
local function without(text, n) return string.sub(text, WIDE * n + 1) end

-- The log of a state: its full pages by threes, its newest entries, and its changed pages.
local function log_of(state, window, now)
  local log = { full = {}, open = '', units = 0, pages = {}, page = state and state.page }
  local text = state and state.text or ''
  if #text == 0 or #state % 3 ~= 1 then return log end
  log.open, log.units = text, state[1]
  for i = 2, #state, 3 do
    if state[i] + window <= now then
      log.pages[state[i]] = false
    else
      for n = i, i + 2 do log.full[#log.full + 1] = state[n] end
    end
  end
  return log
end

local function state_of(log)
  local state = { log.units }
  for i = 1, #log.full do state[i + 1] = log.full[i] end
  state.text, state.page = log.open, log.page
  if #log.full > 0 then state.pages = log.pages end
  return state
end

local function text_of(log, index)
  local last = log.full[index]
  if log.pages[last] then return log.pages[last] end
  local text = log.page and log.page(last)
  return text and is_entries(text) and text or ''
end

-- Removes a full page.
local function take_out(log, index)
  log.pages[log.full[index]] = false
  for _ = 1, 3 do table.remove(log.full, index) end
end

-- Inserts a full page.
local function put_in(log, index, text, units)
  local last = last_time(text)
  table.insert(log.full, index, units)
  table.insert(log.full, index, #text / WIDE)
  table.insert(log.full, index, last)
  log.pages[last] = text
end

-- Makes the last full page the newest entries, which must be empty.
local function open_last(log)
  local index = #log.full - 2
  log.open, log.units = text_of(log, index), log.full[index + 2]
  take_out(log, index)
end

local function append(log, time, units)
  local last = #log.open > 0 and last_time(log.open)
  if last == time then
    local n = #log.open / WIDE
    log.open = first_of(log.open, n - 1) .. entry(time, units_at(log.open, n) + units)
  else
    if #log.open >= PAGE * WIDE then
      put_in(log, #log.full + 1, log.open, log.units)
      log.open, log.units = '', 0
    end
    log.open = log.open .. entry(time, units)
  end
  log.units = log.units + units
end

-- Moves entries too far ahead of the stamp to one time: the stamp, or the time of the entry before if that is
-- later.
local function mend(log, window, stamp)
  local units = 0
  while true do
    local n = count_to(log.open, stamp + window)
    local stay = units_to(log.open, n)
    units = units + (log.units - stay)
    log.open, log.units = first_of(log.open, n), stay
    if n > 0 or #log.full == 0 then break end
    -- Pages are ordered, so all pages after one that ends too late contain only such entries.
    while #log.full > 3 and log.full[#log.full - 5] - stamp > window do
      units = units + log.full[#log.full]
      take_out(log, #log.full - 2)
    end
    open_last(log)
  end
  append(log, #log.open > 0 and math.max(stamp, last_time(log.open)) or stamp, units)
end

-- Removes the expired entries of the first page, or of the newest entries.
local function trim(log, latest)
  if #log.full == 0 then
    local n = count_to(log.open, latest)
    log.units = log.units - units_to(log.open, n)
    log.open = without(log.open, n)
  else
    local text = text_of(log, 1)
    local n = count_to(text, latest)
    if n > 0 then
      log.full[2], log.full[3] = log.full[2] - n, log.full[3] - units_to(text, n)
      log.pages[log.full[1]] = without(text, n)
    end
  end
end

-- Stores a full page's changed text, split in two or merged with a neighbour to keep the page size.
local function put_back(log, index, text, units)
  take_out(log, index)
  if #text == 0 then return end
  for beside = index - 3, index, 3 do
    local count = log.full[beside + 1]
    if count and #text / WIDE + count <= PAGE then
      local other = text_of(log, beside)
      text, units = beside < index and other .. text or text .. other, units + log.full[beside + 2]
      take_out(log, beside)
      index = math.min(index, beside)
      break
    end
  end
  if #text > 2 * PAGE * WIDE then
    local half = first_of(text, PAGE)
    local part = units_to(half, PAGE)
    put_in(log, index, without(text, PAGE), units - part)
    put_in(log, index, half, part)
  else
    put_in(log, index, text, units)
  end
end

-- Changes the units of a time by a cost. Returns the new total, or nil if nothing changes.
local function correct(log, used, time, cost)
  local index = 1
  while index <= #log.full and log.full[index] < time do index = index + 3 end
  local is_full = index <= #log.full
  local text = is_full and text_of(log, index) or log.open
  local n = count_to(text, time - 1)
  local there = WIDE * n < #text and time_at(text, n + 1) == time
  local was = there and units_at(text, n + 1) or 0
  local units = math.min(${MAX} - (used - was), math.max(0, was + cost))
  if units == was then return nil end
  text = first_of(text, n) .. (units > 0 and entry(time, units) or '') .. without(text, there and n + 1 or n)
  if is_full then
    put_back(log, index, text, log.full[index + 2] + (units - was))
  else
    log.open, log.units = text, log.units + (units - was)
    if #text == 0 and #log.full > 0 then open_last(log) end
    if #text > 2 * PAGE * WIDE then
      local half = first_of(text, PAGE)
      local part = units_to(half, PAGE)
      put_in(log, #log.full + 1, half, part)
      log.open, log.units = without(text, PAGE), log.units - part
    end
  end
  return used - was + units
end

-- The time at which that many units have expired; never, if there are fewer.
local function time_of(log, needed)
  local text = log.open
  for index = 1, #log.full, 3 do
    if needed <= log.full[index + 2] then
      text = text_of(log, index)
      break
    end
    needed = needed - log.full[index + 2]
  end
  for n = 1, #text / WIDE do
    needed = needed - units_at(text, n)
    if needed <= 0 then return time_at(text, n) end
  end
  return math.huge
end

local function log_step(state, limit, window, now, cost, since, stamp, target)
  local log = log_of(state, window, now)
  local changed = #log.open > 0 and last_time(log.open) - stamp > window
  if changed then mend(log, window, stamp) end
  trim(log, now - window)
  local used = log.units
  for i = 3, #log.full, 3 do used = used + log.full[i] end
  local allowed, retry, at = true, 0, nil
  local function set_at() at = #log.open > 0 and math.max(stamp, last_time(log.open)) or stamp end
  local function add(time, units)
    set_at()
    local lost = time - stamp > window
    if lost then time = at end
    if time + window > now and not (lost and units < 0) then
      local after = correct(log, used, time, units)
      changed, used = changed or after ~= nil, after or used
    end
  end
  set_at()
  if since then
    add(since, target and -cost or cost)
    if target then add(target, cost) end
  elseif used + cost > limit then
    allowed, retry = false, time_of(log, used + cost - limit) + window - now
  elseif cost > 0 then
    append(log, at, cost)
    changed, used = true, used + cost
  end
  local reset = #log.open > 0 and last_time(log.open) + window - now or 0
  local kept = state
  if changed then kept = state_of(log) end
  return allowed, math.max(0, limit - used), reset, retry, kept, reset, at
end
`;

const BEGIN = "--[==[log";
const END = "]==]";

/** A twin that calls `log_step`, `slot_end` or `is_entries`: it brings them in a comment, as only scripts with a log need them. */
export const logTwin = (lua: string): string => `${lua} ${BEGIN}${logLua()}${END}`;

/** A twin without the functions over logs, and these; undefined where it needs none. */
export function withoutLog(lua: string): readonly [lua: string, log: string | undefined] {
  const begin = lua.indexOf(BEGIN);
  const end = lua.indexOf(END, begin);
  return begin < 0
    ? [lua, undefined]
    : [lua.slice(0, begin) + lua.slice(end + END.length), lua.slice(begin + BEGIN.length, end)];
}
