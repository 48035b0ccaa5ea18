/**
 * The Lua twin of `gcra.ts`, line by line the same, the text of its states, and the constants that both count by.
 *
 * @module
 */

import { MAX } from "./integer.ts";
import { packedLua, type PackedText, plainText } from "./packed_lua.ts";

/** The number of periods per window for counting charges. */
export const PERIODS = 8;
/** The factor of the number's upper half. */
export const HALF = 67_108_864;
/** The largest count in a half; it stands for any larger number, whose order of charges is unknown. */
export const MAX_COUNT: number = HALF - 1;

/** The time from 2004 to 2039, in ms. */
const ERA = 0x100_0000_0000;

/**
 * The charge of one unit to a state in 12 bytes whose time has come, where the new one has room there too. Other states,
 * and other charges, take the step.
 */
function charge(limit: number, window: number, own: number): string {
  const part = Math.ceil(window / PERIODS);
  const most = ((own || limit) - 1) * window;
  return `
        if stored and bytes_in and #stored == 12 then
          local high, low = bytes_in('>I6I6', stored)
          local before = high % ${ERA} + ${ERA}
          if high >= ${248 * ERA} and before <= now and now < ${2 * ERA} then
            local unit = high < ${249 * ERA} and 2 or high < ${250 * ERA} and 8 or high < ${251 * ERA} and 32
              or 2 ^ (2 * (high + ${ERA} - before) / ${ERA} - 495)
            local lately = low % unit
            low = (low - lately) / unit
            local earlier = low % unit
            local owed = (low - earlier) / unit - (now - before) * ${limit}
            if owed < 0 then owed = 0 end
            local current = now - now % ${part}
            if before < current then earlier, lately = before >= current - ${part} and lately or 0, 0 end
            taken, known, said, allowed = true, stored, owed > 0 and format('%d', owed) or '0', owed <= ${most}
            if allowed then
              owed, lately = owed + ${window}, lately + 1
              taken = earlier < unit and lately < unit and owed < ${2 ** 48} / (unit * unit)
              if taken then
                text = bytes_of('>I6I6', high - before + now, (owed * unit + earlier) * unit + lately)
              end
            end
            life = (lately > 0 and current + ${2 * part} or earlier > 0 and current + ${part} or now) - now
            if owed > life * ${limit} then
              local rest = owed % ${limit}
              life = (owed - rest) / ${limit} + (rest > 0 and 1 or 0)
            else raise = text and before >= current end
          end
        end`;
}

/**
 * Redis keeps 12 bytes in 32, and longer text in 48 or 64. So a state is 12 bytes where that is enough: one from 248 on, which no
 * text has, the low 40 bits of its time, and 48 bits for its debt and its two counts; the first byte tells how many of
 * these are the counts'. It has no window, and is written where the rate is static: then the key tells the window.
 */
function text(): PackedText {
  const { read, write } = plainText("gcra", 4);
  return {
    read: `local high, low
          if bytes_in and #stored == 12 then high, low = bytes_in('>I6I6', stored) end
          if high and high >= ${248 * ERA} then
            s2 = high % ${ERA} + ${ERA}
            local unit = 2 ^ (2 * (high + ${ERA} - s2) / ${ERA} - 495)
            local lately = low % unit
            low = (low - lately) / unit
            local earlier = low % unit
            s1, s3, s4 = (low - earlier) / unit, window, earlier * ${HALF} + lately
          else ${read} end`,
    say: `said = format('gcra %d %d %d %d', s1, s2, s3, s4)`,
    // The debt, and its time where that is not now.
    sayCharged: `said = at == now and format('%d', before) or format('%d %d', before, at)`,
    charge,
    // Half the time of SET. The key of a charge in the same part of the window lives long enough.
    inPlace: { command: "'SETRANGE', key, '0', text", text: "text" },
    write: `local unit, first = 2, 247
          while (earlier >= unit or lately >= unit) and first < 254 do unit, first = 4 * unit, first + 1 end
          if not p and earlier < unit and lately < unit and s1 < ${2 ** 48} / (unit * unit)
            and s2 >= ${ERA} and s2 < ${2 * ERA} and bytes_of then
            text = bytes_of('>I6I6', first * ${ERA} + s2, (s1 * unit + earlier) * unit + lately)
          else ${write} end`,
  };
}

/** The twin: a function, since a bundler would keep a template at the top of a module even if nothing uses it. */
export const gcraLua = (): string =>
  packedLua(
    4,
    {
      step: `
  local burst = p1 == 0 and limit or p1
  local capacity = burst * window
  local part = (window + (-window) % ${PERIODS}) / ${PERIODS}
  local owed, earlier, lately, mended, current = 0, 0, 0, false, nil
  at = now
  if s1 and s1 + s4 > 0 then
    mended = s2 - now > window
    local before = mended and now or s2
    if before > now then at = before end
    owed = s1
    if s3 ~= window then owed = math.min(${MAX}, math.ceil(owed * window / s3)) end
    owed = owed - (at - before) * limit
    if owed < 0 then owed = 0 end
    current = (at - at % part) / part
    local passed = current - (before - before % part) / part
    if mended or s3 ~= window then
      earlier, lately = ${MAX_COUNT}, ${MAX_COUNT}
    elseif passed <= 1 then
      lately = s4 % ${HALF}
      earlier = (s4 - lately) / ${HALF}
      if passed == 1 then earlier, lately = lately, 0 end
    end
  else
    current = (at - at % part) / part
  end
  local before, earlier_before, lately_before = owed, earlier, lately
  allowed = true
  if since then
    local passed = math.floor(since / part)
    local elapsed = math.max(0, at - since)
    if cost > 0 then
      if elapsed < window then
        owed = math.min(${MAX}, owed + cost * window)
        if passed >= current then
          lately = math.min(${MAX_COUNT}, lately + cost)
        elseif passed == current - 1 then
          earlier = math.min(${MAX_COUNT}, earlier + cost)
        end
      end
    elseif cost < 0 and since <= at and (elapsed < window or elapsed * limit < capacity) then
      local full = owed + cost * window
      local after, drained = lately, 0
      if passed == current then
        if lately < ${MAX_COUNT} then lately = math.max(0, lately + cost) end
        after = lately
      else
        if passed < current - 1 then
          drained = (current - 1) * part - since
        elseif earlier < ${MAX_COUNT} then
          earlier = math.max(0, earlier + cost)
        end
        after = earlier < ${MAX_COUNT} and lately < ${MAX_COUNT} and earlier + lately or ${MAX_COUNT}
      end
      local least = full + elapsed * limit
      if after < ${MAX_COUNT} then least = math.min(least, math.max(after * window, full + drained * limit)) end
      owed = math.max(0, math.min(owed, least))
    end
    if owed ~= before and owed == 0 and now < at then
      at, earlier, lately = now, ${MAX_COUNT}, ${MAX_COUNT}
    end
  else
    allowed = owed <= capacity - cost * window
    if allowed then
      owed = owed + cost * window
      lately = lately + cost
      if lately > ${MAX_COUNT} then lately = ${MAX_COUNT} end
    end
  end
  changed = mended or owed ~= before or earlier ~= earlier_before or lately ~= lately_before
  local behind = at - now
  life = 0
  if owed > 0 then
    local rest = owed % limit
    life = (owed - rest) / limit + (rest > 0 and 1 or 0) + behind
    if life > ${MAX} then life = ${MAX} end
  end
  local drained = life
  if lately + earlier > 0 then
    local ends = ((at - at % part) / part + (lately > 0 and 2 or 1)) * part - now
    if ends > life then life = ends end
  end
  s1, s2, s3, s4 = owed, at, window, earlier * ${HALF} + lately
`,
      text: text(),
      report: `
  reset, retry = drained, 0
  if not allowed then
    local over = before - (capacity - cost * window)
    local rest = over % limit
    retry = cost > burst and math.huge
      or math.min(${MAX}, (over - rest) / limit + (rest > 0 and 1 or 0) + behind)
  end
  local room = capacity - owed
  if room < 0 then room = 0 end
  remaining = (room - room % window) / window
  if remaining > limit then remaining = limit end
`,
    },
  );
